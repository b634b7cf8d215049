#!/usr/bin/env bash
# Starts Llamp with Docker Compose, or brings a running one up to date. May be run any number of times.
#   ./start.sh          check the machine, make missing secrets, start, wait until healthy, print the address
#   ./start.sh stop     stop the containers and keep all data
#   ./start.sh status   what runs and how it is
#   ./start.sh logs …   logs, for example: ./start.sh logs -f app-1 app-2
#   ./start.sh compose … any other docker compose command with the right files
set -euo pipefail

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
NGINX="$HERE/../nginx"
SECRETS="$HERE/secrets"
RENDERED="$HERE/rendered"
INSTALLED="$SECRETS/.installed"

readonly EXIT_CONFIGURATION=78
readonly MINIMUM_MEMORY_MB=6000
readonly MINIMUM_DISK_MB=10000
readonly MINIMUM_SECRET_LENGTH=24
readonly WAIT_SECONDS=600
readonly APP_UID=10001

PROBLEMS=()
problem() { PROBLEMS+=("$1"); }

# Prints every problem found so far, not only the first, and ends.
stop_at_problems() {
  [ "${#PROBLEMS[@]}" -eq 0 ] && return 0
  echo "Llamp cannot start:" >&2
  printf '  - %s\n' "${PROBLEMS[@]}" >&2
  exit "$EXIT_CONFIGURATION"
}

load_settings() {
  if [ -f "$HERE/.env" ]; then
    set -a
    # shellcheck disable=SC1091 # the operator's own file
    . "$HERE/.env"
    set +a
  fi
  HTTP_PORT="${LLAMP_HTTP_PORT:-80}"
  HTTPS_PORT="${LLAMP_HTTPS_PORT:-443}"
  if [ "$(id -u)" -eq 0 ]; then
    export LLAMP_UID="$APP_UID" LLAMP_GID="$APP_UID"
  else
    # The containers read the secret files as their owner.
    LLAMP_UID="$(id -u)" LLAMP_GID="$(id -g)"
    export LLAMP_UID LLAMP_GID
  fi
  if [ -s "$SECRETS/openai_api_key" ]; then export OPENAI_API_KEY_FILE=/run/secrets/openai_api_key; fi
}

has_tls() { [ -s "$NGINX/certs/tls.crt" ] && [ -s "$NGINX/certs/tls.key" ]; }

compose() {
  local files=(-f "$HERE/docker-compose.yml")
  if has_tls; then files+=(-f "$HERE/docker-compose.tls.yml"); fi
  docker compose --project-directory "$HERE" "${files[@]}" "$@"
}

# ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────

check_tools() {
  local tool
  for tool in awk od df; do
    command -v "$tool" >/dev/null || problem "the program $tool is missing"
  done
  if ! command -v docker >/dev/null; then
    problem "docker is missing: install Docker Engine 24 or newer with the compose plugin"
    return 0
  fi
  docker info >/dev/null 2>&1 ||
    problem "the Docker daemon does not answer: start it, or add this user to the group docker"
  docker compose version >/dev/null 2>&1 ||
    problem "docker compose is missing: install the package docker-compose-plugin (2.20 or newer)"
}

check_memory() {
  local bytes
  bytes="$(docker info --format '{{.MemTotal}}' 2>/dev/null || true)"
  [[ "$bytes" =~ ^[0-9]+$ ]] || return 0
  [ $((bytes / 1048576)) -ge "$MINIMUM_MEMORY_MB" ] ||
    problem "Docker has $((bytes / 1048576)) MB of memory, $MINIMUM_MEMORY_MB are needed"
}

check_disk() {
  local folder free
  folder="$(docker info --format '{{.DockerRootDir}}' 2>/dev/null || true)"
  [ -d "$folder" ] || folder="$HERE"
  free="$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')"
  [ "$free" -ge "$MINIMUM_DISK_MB" ] ||
    problem "$folder has $free MB free, $MINIMUM_DISK_MB are needed"
}

# A port that our own Nginx holds is no problem.
check_ports() {
  [ -z "$(compose ps --status running -q nginx 2>/dev/null || true)" ] || return 0
  local port ports=("$HTTP_PORT")
  if has_tls; then ports+=("$HTTPS_PORT"); fi
  for port in "${ports[@]}"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      problem "port $port is in use: stop what listens there, or set LLAMP_HTTP_PORT or LLAMP_HTTPS_PORT in $HERE/.env"
    fi
  done
}

check_certificate() {
  local present=0
  if [ -e "$NGINX/certs/tls.crt" ]; then present=$((present + 1)); fi
  if [ -e "$NGINX/certs/tls.key" ]; then present=$((present + 1)); fi
  if [ "$present" -eq 1 ]; then problem "deployments/nginx/certs needs both tls.crt and tls.key"; fi
}

volume_exists() { docker volume inspect "llamp_$1" >/dev/null 2>&1; }

# Losing one half of an installation must not look like a first start.
check_installation() {
  if [ -e "$INSTALLED" ] && ! volume_exists postgres-data; then
    problem "this installation has been started before, but its database volume llamp_postgres-data is gone: restore a backup; only if an empty start is wanted, delete $INSTALLED"
  fi
  if [ ! -e "$SECRETS/postgres_password" ] && volume_exists postgres-data; then
    problem "the database volume llamp_postgres-data exists, but its secrets are gone from $SECRETS: put them back, or remove the volume if its data is not wanted"
  fi
}

# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────

# 40 letters and digits, about 206 bits of the system's randomness (24 bytes more than enough are read).
random_secret() {
  local text=""
  while [ "${#text}" -lt 40 ]; do
    text+="$(LC_ALL=C od -An -v -tu1 -N 64 /dev/urandom | awk '
      { for (i = 1; i <= NF; i++) if ($i < 248) out = out substr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", $i % 62 + 1, 1) }
      END { print out }')"
  done
  printf '%s' "${text:0:40}"
}

# Written aside and renamed: a half-written secret would be used for ever.
write_secret() {
  local name="$1" value="$2"
  (umask 077 && printf '%s' "$value" >"$SECRETS/.$name.new" && mv "$SECRETS/.$name.new" "$SECRETS/$name")
}

make_secret() { [ -e "$SECRETS/$1" ] || write_secret "$1" "$2"; }

make_secrets() {
  mkdir -p "$SECRETS"
  chmod 700 "$SECRETS"
  local name
  for name in postgres_password redis_password minio_secret_key; do
    [ -e "$SECRETS/$name" ] || write_secret "$name" "$(random_secret)"
  done
  make_secret minio_access_key "llamp-$(random_secret | cut -c1-14)"
  make_secret database_url "postgres://llamp:$(cat "$SECRETS/postgres_password")@postgres:5432/llamp"
  make_secret redis_url "redis://:$(cat "$SECRETS/redis_password")@redis:6379"
  make_secret openai_api_key ""
  # Seals the credentials of providers in the database: without it they are lost.
  make_secret master_key "$(LC_ALL=C od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n')"
}

check_secrets() {
  local name value
  for name in postgres_password redis_password minio_secret_key; do
    value="$(cat "$SECRETS/$name")"
    if [ "${#value}" -lt "$MINIMUM_SECRET_LENGTH" ]; then
      problem "secrets/$name is shorter than $MINIMUM_SECRET_LENGTH characters"
    elif is_default_secret "$value"; then
      problem "secrets/$name is a well-known or repeating value"
    elif [[ "$value" =~ [^A-Za-z0-9._~-] ]]; then
      problem "secrets/$name has characters that do not fit into a URL: use letters, digits and . _ ~ -"
    fi
  done
  check_url_secret database_url ":$(cat "$SECRETS/postgres_password")@"
  check_url_secret redis_url ":$(cat "$SECRETS/redis_password")@"
}

# Two files hold the same password: one for the server, one for the app.
check_url_secret() {
  grep -qF -- "$2" "$SECRETS/$1" || problem "secrets/$1 holds another password than the server's own file"
}

is_default_secret() {
  local lower="${1,,}" word
  for word in password passwd changeme change-me minioadmin postgres secret default example; do
    case "$lower" in *"$word"*) return 0 ;; esac
  done
  [ "$(printf '%s' "$lower" | fold -w1 | sort -u | wc -l)" -lt 8 ]
}

protect_secrets() {
  find "$SECRETS" -type f -exec chmod 600 {} +
  # The app runs as this user when root starts it; other owners read their own files.
  if [ "$(id -u)" -eq 0 ]; then chown -R "$APP_UID:$APP_UID" "$SECRETS"; fi
}

# ── Start ───────────────────────────────────────────────────────────────────────────────────────────────────────

render_nginx() {
  local flags="plain resolver"
  if has_tls; then flags="tls http2-directive resolver"; fi
  mkdir -p "$RENDERED"
  FLAGS="$flags" \
    INSTANCES="app-1:8000 app-2:8000" INSTANCE_OPTIONS=" resolve" RESOLVER=127.0.0.11 \
    TRUSTED_PROXIES="${LLAMP_NGINX_TRUSTED_PROXIES:-}" RUN_DIR=/run/nginx HTTPS_PORT="$HTTPS_PORT" \
    REQUESTS_PER_SECOND="${LLAMP_NGINX_REQUESTS_PER_SECOND:-50}" \
    REQUEST_BURST="${LLAMP_NGINX_REQUEST_BURST:-100}" \
    SIGN_IN_PER_SECOND="${LLAMP_NGINX_SIGN_IN_PER_SECOND:-5}" \
    SIGN_IN_BURST="${LLAMP_NGINX_SIGN_IN_BURST:-20}" \
    CONNECTIONS_PER_ADDRESS="${LLAMP_NGINX_CONNECTIONS_PER_ADDRESS:-100}" \
    "$NGINX/render.sh" >"$RENDERED/nginx.conf.new"
  mv "$RENDERED/nginx.conf.new" "$RENDERED/nginx.conf"
}

reload_nginx() {
  compose exec -T nginx nginx -t -q -c /etc/nginx/llamp/nginx.conf &&
    compose exec -T nginx nginx -s reload -c /etc/nginx/llamp/nginx.conf
}

address() {
  if [ -n "${LLAMP_PUBLIC_URL:-}" ]; then echo "$LLAMP_PUBLIC_URL"; return; fi
  local scheme=http port="$HTTP_PORT" standard=80
  if has_tls; then scheme=https port="$HTTPS_PORT" standard=443; fi
  if [ "$port" = "$standard" ]; then echo "$scheme://localhost"; else echo "$scheme://localhost:$port"; fi
}

announce() {
  echo
  echo "Llamp runs at $(address)"
  has_tls || echo "Plain HTTP only: deployments/nginx/certs holds no tls.crt and tls.key (see the README there)."
  if [ "$1" = first ]; then
    echo "First start: the one-time administrator link and the first API key stand in the log of one instance:"
    echo "  $HERE/start.sh logs app-1 app-2"
    echo "Keep a copy of $SECRETS in a safe place: without it the data cannot be opened."
  fi
}

start() {
  check_tools
  stop_at_problems
  check_memory
  check_disk
  check_certificate
  check_installation
  check_ports
  stop_at_problems

  make_secrets
  check_secrets
  stop_at_problems
  protect_secrets
  load_settings
  # Links in the log must name the address outside, not the container's own.
  export LLAMP_PUBLIC_URL="${LLAMP_PUBLIC_URL:-$(address)}"
  render_nginx

  local kind=again running
  [ -e "$INSTALLED" ] || kind=first
  running="$(compose ps --status running -q nginx 2>/dev/null || true)"
  # A released image is pulled; without LLAMP_IMAGE it is built from this checkout.
  [ -n "${LLAMP_IMAGE:-}" ] || compose build
  compose up -d --wait --wait-timeout "$WAIT_SECONDS" || {
    echo "Not everything became healthy; the last lines of each log:" >&2
    compose ps >&2
    compose logs --tail 20 >&2
    exit 1
  }
  (umask 077 && : >"$INSTALLED")
  if [ -n "$running" ]; then reload_nginx; fi
  announce "$kind"
}

main() {
  load_settings
  local command="${1:-start}"
  if [ "$#" -gt 0 ]; then shift; fi
  case "$command" in
    start) start ;;
    stop) compose stop "$@" ;;
    status) compose ps "$@" ;;
    logs) compose logs "$@" ;;
    compose) compose "$@" ;;
    *)
      sed -n '3,7s/^#   //p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
