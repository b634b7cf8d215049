# Another version on a running installation, without an interruption, and the way back.
# shellcheck shell=bash disable=SC2154 # start.sh sets the names

# The local name of the image that was in use before the last build.
readonly PREVIOUS_BUILD=llamp:previous
readonly UNFINISHED="$RENDERED/upgrade.unfinished"

rollout() {
  # From here, so that no path with a blank is cut into words.
  cd "$HERE"
  nginx_variables
  IN_NGINX="./start.sh in-nginx" START_INSTANCE="./start.sh start-instance" STOP_INSTANCE="./start.sh stop-instance" \
    CONFIGURATION_DIR="$RENDERED" NGINX_DIR=/etc/nginx/llamp "$NGINX/rollout.sh" "$@"
}

# host:port as Nginx knows it; the host is the name of the service.
start_instance() { compose up -d --no-deps --wait --wait-timeout "$WAIT_SECONDS" "${1%:*}"; }
stop_instance() { compose stop "${1%:*}"; }

# An instance that an earlier attempt has left out of Nginx comes back first, or there would be none to go on with.
restart_in_turn() {
  local instance
  for instance in $APP_INSTANCES; do
    grep -qw -- "$instance" "$RENDERED/instances" || start_instance "$instance" || return 1
  done
  rollout set "$APP_INSTANCES" && rollout restart
}

require_running() {
  [ -n "$(compose ps --status running -q nginx 2>/dev/null || true)" ] ||
    problem "nothing runs that could be changed without an interruption: start with ./start.sh"
}

# Remembers what runs now before anything else gets its name. A repeated upgrade has done that already.
remember_image() {
  local current="${LLAMP_IMAGE:-}"
  [ ! -e "$UNFINISHED" ] || return 0
  if [ -z "$current" ]; then
    docker tag llamp:local "$PREVIOUS_BUILD"
    current="$PREVIOUS_BUILD"
  fi
  printf '%s\n' "$current" >"$RENDERED/image.previous"
  : >"$UNFINISHED"
}

upgrade() {
  local with_backup=yes image
  if [ "${1:-}" = --no-backup ]; then with_backup=no && shift; fi
  image="${1:-}"
  check_tools
  stop_at_problems
  check_disk
  if [ "$with_backup" = yes ]; then check_recipient; fi
  check_installation
  require_running
  stop_at_problems
  check_secrets
  stop_at_problems
  if [ "$with_backup" = yes ]; then
    backup create
    backup verify
  fi
  remember_image
  if [ -n "$image" ]; then
    set_setting LLAMP_IMAGE "$image"
    # One that was loaded from a file is here already, and there may be no network.
    docker image inspect "$image" >/dev/null 2>&1 || compose pull app-1
  else
    build_image
  fi
  # The old version goes on working on the new schema: a release only adds to it.
  compose run --rm --no-deps migrate || upgrade_failed
  restart_in_turn || upgrade_failed
  rm -f "$UNFINISHED"
  echo "Llamp runs ${LLAMP_IMAGE:-llamp:local} on every instance. The way back: $HERE/start.sh rollback"
}

upgrade_failed() {
  echo "The upgrade has stopped half way; instances that were not reached go on with the version before." >&2
  echo "See $HERE/start.sh logs, then repeat the upgrade or take it back: $HERE/start.sh rollback" >&2
  exit 1
}

# The version before starts only on a schema that it knows: after a migration it refuses, and says so.
rollback() {
  check_tools
  stop_at_problems
  require_running
  [ -s "$RENDERED/image.previous" ] || problem "there was no upgrade that could be taken back"
  stop_at_problems
  set_setting LLAMP_IMAGE "$(cat "$RENDERED/image.previous")"
  restart_in_turn || {
    echo "The version before did not start. If it says that the schema is newer, restore the backup from before the upgrade." >&2
    exit 1
  }
  rm -f "$UNFINISHED"
  echo "Llamp runs $LLAMP_IMAGE again."
}
