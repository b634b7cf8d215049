#!/bin/sh
# Reloads Nginx and returns only when every worker with the old configuration has stopped taking requests: from then
# on an instance that stands in it no more gets nothing new. Runs where Nginx runs; plain sh, no other program.
#   PID_FILE   of the master (default /run/nginx/nginx.pid)
set -eu

PID_FILE="${PID_FILE:-/run/nginx/nginx.pid}"
TRIES=150

read -r master <"$PID_FILE"

is_child_of_master() {
  while read -r key value; do
    if [ "$key" = PPid: ]; then [ "$value" = "$master" ] && return 0 || return 1; fi
  done
  return 1
}

# Sets `taking` to the workers that take requests: one that only finishes its streams says so in its title.
find_taking() {
  taking=""
  for process in /proc/[0-9]*; do
    if ! is_child_of_master <"$process/status"; then continue; fi
    title=""
    read -r title <"$process/cmdline" || true
    case "$title" in
      *"worker process is shutting down"*) ;;
      *"worker process"*) taking="$taking ${process#/proc/}" ;;
    esac
  done 2>/dev/null
}

only_new_ones_take() {
  find_taking
  [ -n "$taking" ] || return 1
  for id in $taking; do
    case " $old " in *" $id "*) return 1 ;; esac
  done
}

find_taking
old="$taking"
kill -HUP "$master"
while [ "$TRIES" -gt 0 ]; do
  if only_new_ones_take; then exit 0; fi
  TRIES=$((TRIES - 1))
  sleep 0.1
done
echo "reload.sh: the workers$old still take requests: read Nginx's error log" >&2
exit 1
