# What must hold before anything is started. Every problem is collected, so that all are named at once.
# shellcheck shell=bash disable=SC2154 # start.sh sets the names

readonly MINIMUM_COMPOSE=2.20
readonly MINIMUM_MEMORY_MB=6000
readonly MINIMUM_DISK_MB=10000

PROBLEMS=()
problem() { PROBLEMS+=("$1"); }

# Prints every problem found so far, not only the first, and ends.
stop_at_problems() {
  [ "${#PROBLEMS[@]}" -eq 0 ] && return 0
  echo "Llamp cannot start:" >&2
  printf '  - %s\n' "${PROBLEMS[@]}" >&2
  exit "$EXIT_CONFIGURATION"
}

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
  if ! docker compose version >/dev/null 2>&1; then
    problem "docker compose is missing: install the package docker-compose-plugin ($MINIMUM_COMPOSE or newer)"
  elif is_older "$(docker compose version --short 2>/dev/null || true)" "$MINIMUM_COMPOSE"; then
    problem "docker compose is older than $MINIMUM_COMPOSE: update the package docker-compose-plugin"
  fi
}

# Tells nothing about a version that is no number, such as that of a build of one's own.
is_older() {
  [[ "$1" =~ ^v?([0-9]+)\.([0-9]+) ]] || return 1
  local major="${BASH_REMATCH[1]}" minor="${BASH_REMATCH[2]}"
  [ "$major" -lt "${2%.*}" ] || { [ "$major" -eq "${2%.*}" ] && [ "$minor" -lt "${2#*.}" ]; }
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
