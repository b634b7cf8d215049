# Makes strong secrets once and refuses weak ones. A secret that exists is never written again.
# shellcheck shell=bash disable=SC2154 # start.sh sets the names

readonly MINIMUM_SECRET_LENGTH=24

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
  # What the app opens its object store with: MinIO's own keys, or those of another S3 server (see the README).
  make_secret s3_access_key "$(cat "$SECRETS/minio_access_key")"
  make_secret s3_secret_key "$(cat "$SECRETS/minio_secret_key")"
  make_secret openai_api_key ""
  make_secret backup_s3_access_key ""
  make_secret backup_s3_secret_key ""
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
  if [ -z "${MINIO_ENDPOINT:-}" ]; then
    check_url_secret s3_access_key "$(cat "$SECRETS/minio_access_key")"
    check_url_secret s3_secret_key "$(cat "$SECRETS/minio_secret_key")"
  elif [ "$(cat "$SECRETS/s3_secret_key")" = "$(cat "$SECRETS/minio_secret_key")" ]; then
    problem "MINIO_ENDPOINT names another S3 server: put its keys into secrets/s3_access_key and secrets/s3_secret_key"
  fi
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
