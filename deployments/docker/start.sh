#!/usr/bin/env bash
# Starts Llamp with Docker Compose, or brings a running one up to date. May be run any number of times.
#   ./start.sh [up]           check the machine, make missing secrets, start, wait until healthy, print the address
#   ./start.sh stop           stop the containers and keep all data
#   ./start.sh status         what runs and how it is
#   ./start.sh logs …         logs, for example: ./start.sh logs -f app-1 app-2
#   ./start.sh restart        the instances in turn, without an interruption
#   ./start.sh backup …       create (without a word), list, verify, prune, keygen: see docs/operations/backup.md
#   ./start.sh upgrade IMAGE  a backup, then another version without an interruption; without IMAGE it is built here
#   ./start.sh rollback       back to the version before the last upgrade
#   ./start.sh bundle FILE    one file for a machine without a network: all images and these scripts
#   ./start.sh load FILE      take the images of such a file in
#   ./start.sh compose …      any other docker compose command with the right files
set -euo pipefail

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
NGINX="$HERE/../nginx"
SECRETS="$HERE/secrets"
RENDERED="$HERE/rendered"
INSTALLED="$SECRETS/.installed"

readonly EXIT_CONFIGURATION=78
readonly WAIT_SECONDS=600
readonly APP_UID=10001
readonly APP_INSTANCES="app-1:8000 app-2:8000"

# shellcheck source=SCRIPTDIR/lib/preflight.sh
. "$HERE/lib/preflight.sh"
# shellcheck source=SCRIPTDIR/lib/secrets.sh
. "$HERE/lib/secrets.sh"
# shellcheck source=SCRIPTDIR/lib/images.sh
. "$HERE/lib/images.sh"
# shellcheck source=SCRIPTDIR/lib/backup.sh
. "$HERE/lib/backup.sh"
# shellcheck source=SCRIPTDIR/lib/upgrade.sh
. "$HERE/lib/upgrade.sh"

# An empty secret is none: the app must not be pointed at it.
export_secret_file() {
  if [ -s "$SECRETS/$2" ]; then export "$1=/run/secrets/$2"; fi
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
  export_secret_file OPENAI_API_KEY_FILE openai_api_key
  export_secret_file LLAMP_BACKUP_S3_ACCESS_KEY_FILE backup_s3_access_key
  export_secret_file LLAMP_BACKUP_S3_SECRET_KEY_FILE backup_s3_secret_key
}

has_tls() { [ -s "$NGINX/certs/tls.crt" ] && [ -s "$NGINX/certs/tls.key" ]; }

compose() {
  local files=(-f "$HERE/docker-compose.yml")
  if has_tls; then files+=(-f "$HERE/docker-compose.tls.yml"); fi
  docker compose --project-directory "$HERE" "${files[@]}" "$@"
}

# Writes NAME=value into the operator's .env, in place of an earlier line.
set_setting() {
  local name="$1" value="$2"
  { if [ -f "$HERE/.env" ]; then grep -v "^$name=" "$HERE/.env" || true; fi; printf '%s=%s\n' "$name" "$value"; } >"$HERE/.env.new"
  mv "$HERE/.env.new" "$HERE/.env"
  export "$name=$value"
}

# What render.sh and rollout.sh read.
nginx_variables() {
  if has_tls; then export FLAGS="tls http2-directive resolver"; else export FLAGS="plain resolver"; fi
  export INSTANCE_OPTIONS=" resolve" RESOLVER=127.0.0.11 RUN_DIR=/run/nginx HTTPS_PORT
  export TRUSTED_PROXIES="${LLAMP_NGINX_TRUSTED_PROXIES:-}"
  export REQUESTS_PER_SECOND="${LLAMP_NGINX_REQUESTS_PER_SECOND:-50}"
  export REQUEST_BURST="${LLAMP_NGINX_REQUEST_BURST:-100}"
  export SIGN_IN_PER_SECOND="${LLAMP_NGINX_SIGN_IN_PER_SECOND:-5}"
  export SIGN_IN_BURST="${LLAMP_NGINX_SIGN_IN_BURST:-20}"
  export CONNECTIONS_PER_ADDRESS="${LLAMP_NGINX_CONNECTIONS_PER_ADDRESS:-100}"
}

render_nginx() {
  mkdir -p "$RENDERED"
  nginx_variables
  INSTANCES="$APP_INSTANCES" "$NGINX/render.sh" >"$RENDERED/nginx.conf.new"
  mv "$RENDERED/nginx.conf.new" "$RENDERED/nginx.conf"
  printf '%s\n' "$APP_INSTANCES" >"$RENDERED/instances"
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

up() {
  check_tools
  # Without an answer from Docker the other checks would only guess.
  docker info >/dev/null 2>&1 || stop_at_problems
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
  make_backup_folder
  load_settings
  # Links in the log must name the address outside, not the container's own.
  export LLAMP_PUBLIC_URL="${LLAMP_PUBLIC_URL:-$(address)}"
  render_nginx

  local kind=again running
  [ -e "$INSTALLED" ] || kind=first
  running="$(compose ps --status running -q nginx 2>/dev/null || true)"
  build_image
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
  local command="${1:-up}"
  if [ "$#" -gt 0 ]; then shift; fi
  case "$command" in
    up) up ;;
    stop) compose stop "$@" ;;
    status) compose ps "$@" ;;
    logs) compose logs "$@" ;;
    restart) require_running && stop_at_problems && restart_in_turn ;;
    backup) backup "$@" ;;
    upgrade) upgrade "$@" ;;
    rollback) rollback ;;
    bundle) bundle "$@" ;;
    load) load "$@" ;;
    compose) compose "$@" ;;
    # For rollout.sh.
    in-nginx) compose exec -T nginx "$@" ;;
    start-instance) start_instance "$1" ;;
    stop-instance) stop_instance "$1" ;;
    *)
      sed -n '3,13s/^#   //p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
