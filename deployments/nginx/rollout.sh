#!/usr/bin/env bash
# Changes the instances behind a running Nginx without losing a request. Nginx is always switched first; only then is
# an instance stopped, and it lets its running requests end.
#   rollout.sh set "host:port …"      send requests to these; starts and stops nothing
#   rollout.sh restart                each instance in turn: out of Nginx, stop, start, in again
#   rollout.sh switch "host:port …"   blue-green: start these, send requests to them, then stop the others
#   rollout.sh rollback               the same, back to the instances before the last switch
# Environment:
#   CONFIGURATION_DIR  folder of nginx.conf and of the list of instances, required
#   NGINX_DIR          the same folder as Nginx sees it, when that differs
#   IN_NGINX           words in front of what runs where Nginx runs, for example: docker compose exec -T nginx
#   START_INSTANCE     command for host:port that returns when it is ready
#   STOP_INSTANCE      command for host:port that returns when its requests have ended
#   and everything that render.sh reads, except INSTANCES
set -euo pipefail

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly EXIT_USAGE=2

say() { echo "rollout: $*"; }
fail() { echo "rollout: $*" >&2; exit 1; }

in_nginx() {
  # shellcheck disable=SC2086 # words in front of a command
  ${IN_NGINX:-} "$@"
}

call_hook() {
  local command="$1" instance="$2"
  # shellcheck disable=SC2086 # a command with arguments
  $command "$instance"
}

# Two at once would undo each other's work.
lock() {
  mkdir "$CONFIGURATION_DIR/rollout.lock" 2>/dev/null ||
    fail "another rollout is at work; if none is, remove $CONFIGURATION_DIR/rollout.lock"
  trap 'rmdir "$CONFIGURATION_DIR/rollout.lock"' EXIT
}

present() {
  [ -s "$CONFIGURATION_DIR/instances" ] ||
    fail "no instances are noted in $CONFIGURATION_DIR/instances: begin with: rollout.sh set \"host:port …\""
  cat "$CONFIGURATION_DIR/instances"
}

# Checked by Nginx itself before it replaces the configuration in force.
apply() {
  local instances="$1" file="$CONFIGURATION_DIR/nginx.conf"
  INSTANCES="$instances" "$HERE/render.sh" >"$file.new"
  in_nginx nginx -t -q -c "$NGINX_DIR/nginx.conf.new" || fail "Nginx refuses $file.new; nothing was changed"
  mv "$file.new" "$file"
  in_nginx sh -s <"$HERE/run/reload.sh" ||
    fail "Nginx has not taken over $file; no instance was stopped"
  printf '%s\n' "$instances" >"$CONFIGURATION_DIR/instances.new"
  mv "$CONFIGURATION_DIR/instances.new" "$CONFIGURATION_DIR/instances"
  say "requests go to $instances"
}

# The words of $1 that do not stand in $2.
without() {
  local word rest=()
  for word in $1; do
    case " $2 " in *" $word "*) ;; *) rest+=("$word") ;; esac
  done
  echo "${rest[*]}"
}

restart() {
  local all instance others
  all="$(present)"
  for instance in $all; do
    others="$(without "$all" "$instance")"
    [ -n "$others" ] || fail "a restart without interruption needs a second instance beside $instance"
    apply "$others"
    say "$instance: stopping"
    call_hook "$STOP_INSTANCE" "$instance" || fail "$instance did not stop; it is out of Nginx, $others go on"
    call_hook "$START_INSTANCE" "$instance" ||
      fail "$instance did not become ready; it is out of Nginx, $others go on. Repair it, then: rollout.sh set \"$all\""
    apply "$all"
  done
}

# Calls the hook for all instances at once; fails when one of the calls does.
call_hook_for_all() {
  local command="$1" instance process status=0
  local -a processes=()
  shift
  for instance in "$@"; do
    call_hook "$command" "$instance" &
    processes+=("$!")
  done
  for process in "${processes[@]}"; do wait "$process" || status=1; done
  return "$status"
}

switch() {
  local new="$1" old left added
  old="$(present)"
  left="$(without "$old" "$new")"
  added="$(without "$new" "$old")"
  say "starting $added"
  # shellcheck disable=SC2086 # one word for each instance
  call_hook_for_all "$START_INSTANCE" $added || fail "not all of $added became ready; $old go on as before"
  apply "$new"
  printf '%s\n' "$old" >"$CONFIGURATION_DIR/instances.previous"
  say "stopping $left"
  # shellcheck disable=SC2086 # one word for each instance
  call_hook_for_all "$STOP_INSTANCE" $left || fail "not all of $left stopped; they get no requests any more"
}

rollback() {
  [ -s "$CONFIGURATION_DIR/instances.previous" ] || fail "there was no switch that could be taken back"
  switch "$(cat "$CONFIGURATION_DIR/instances.previous")"
}

usage() {
  sed -n '3,8s/^#   //p' "${BASH_SOURCE[0]}" >&2
  exit "$EXIT_USAGE"
}

main() {
  local command="${1:-}" instances="${2:-}"
  case "$command" in
    set | switch) [ -n "$instances" ] || usage ;;
    restart | rollback) ;;
    *) usage ;;
  esac
  : "${CONFIGURATION_DIR:?CONFIGURATION_DIR is not set: give the folder of nginx.conf}"
  NGINX_DIR="${NGINX_DIR:-$CONFIGURATION_DIR}"
  if [ "$command" != set ]; then
    : "${START_INSTANCE:?START_INSTANCE is not set}" "${STOP_INSTANCE:?STOP_INSTANCE is not set}"
  fi
  lock
  case "$command" in
    set) apply "$instances" ;;
    switch) switch "$instances" ;;
    restart) restart ;;
    rollback) rollback ;;
  esac
}

main "$@"
