# Backups of the running installation, by the app itself.
# shellcheck shell=bash disable=SC2154 # start.sh sets the names

# The app writes here as its own user.
make_backup_folder() {
  local folder="${LLAMP_BACKUP_FOLDER:-$HERE/backups}"
  mkdir -p "$folder"
  chmod 700 "$folder"
  if [ "$(id -u)" -eq 0 ]; then chown "$APP_UID:$APP_UID" "$folder"; fi
}

check_recipient() {
  [ -n "${LLAMP_BACKUP_RECIPIENT:-}" ] ||
    problem "nobody could open a backup: run ./start.sh backup keygen /backups/recovery-key.txt, put the line that it prints into $HERE/.env, and take the file off this machine"
}

# create, list, verify, prune, keygen with their options; create without any.
backup() {
  local command="${1:-create}"
  check_tools
  stop_at_problems
  require_running
  [ "$command" != create ] || check_recipient
  stop_at_problems
  if [ "$#" -gt 0 ]; then shift; fi
  # Given here, too: a setting that is new in .env counts before the instances have been replaced.
  local name
  local -a settings=()
  for name in LLAMP_BACKUP_RECIPIENT LLAMP_BACKUP_TARGETS LLAMP_BACKUP_KEEP; do
    if [ -n "${!name:-}" ]; then settings+=(-e "$name=${!name}"); fi
  done
  compose exec -T "${settings[@]}" app-1 node bin/llamp.mjs backup "$command" "$@"
}
