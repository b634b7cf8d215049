#!/bin/sh
# Runs Nginx in the foreground and reloads it when the certificate was replaced, so that a renewal needs nobody.
#   CONFIGURATION   nginx.conf, required
#   CERTS_DIR       folder with tls.crt and tls.key (default /etc/nginx/certs)
#   WATCH_SECONDS   how often it looks (default 10)
# More arguments are passed to Nginx. Plain sh: small images have no bash.
set -eu

: "${CONFIGURATION:?CONFIGURATION is not set: give the path of nginx.conf}"
CERTS_DIR="${CERTS_DIR:-/etc/nginx/certs}"
WATCH_SECONDS="${WATCH_SECONDS:-10}"

certificate_state() { cat "$CERTS_DIR/tls.crt" "$CERTS_DIR/tls.key" 2>/dev/null | cksum; }

# Half a pair, or a key that does not fit, fails Nginx's own check: the old certificate stays and the next round asks
# again. It is told once, not every round.
watch_certificate() {
  nginx_pid="$1" loaded="$2" refused=""
  shift 2
  while sleep "$WATCH_SECONDS" && kill -0 "$nginx_pid" 2>/dev/null; do
    found="$(certificate_state)"
    if [ "$found" = "$loaded" ] || [ "$found" = "$refused" ]; then continue; fi
    if nginx -t -q -c "$CONFIGURATION" "$@"; then
      kill -HUP "$nginx_pid"
      loaded="$found" refused=""
      echo "certificate replaced: Nginx reloads" >&2
    else
      refused="$found"
      echo "the certificate in $CERTS_DIR was changed, but Nginx refuses it: the old one stays in use" >&2
    fi
  done
}

# `exec` keeps this process id, so the watcher knows Nginx's before there is one.
watch_certificate "$$" "$(certificate_state)" "$@" &
exec nginx -c "$CONFIGURATION" "$@" -g 'daemon off;'
