#!/usr/bin/env bash
# Writes nginx.conf with everything filled in to standard output. All values come from the environment:
#   INSTANCES         "host:port host:port …", required
#   FLAGS             words out of: tls | plain, http2-parameter | http2-directive, resolver
#   the other names   as below
# An unknown name in the template is an error, so a typing mistake cannot reach a running Nginx.
set -euo pipefail

: "${INSTANCES:?INSTANCES is not set: give the instances as host:port host:port}"
export EACH_INSTANCE="$INSTANCES"
export EACH_TRUSTED_PROXY="${TRUSTED_PROXIES:-}"
export FLAGS="${FLAGS:-plain}"
export RUN_DIR="${RUN_DIR:-/tmp}"
export CERTS_DIR="${CERTS_DIR:-/etc/nginx/certs}"
export ACCESS_LOG="${ACCESS_LOG:-/dev/stdout}"
export ERROR_LOG="${ERROR_LOG:-/dev/stderr}"
export HTTP_LISTEN="${HTTP_LISTEN:-8080}"
export HTTPS_LISTEN="${HTTPS_LISTEN:-8443}"
export HTTPS_PORT="${HTTPS_PORT:-443}"
export STATUS_PORT="${STATUS_PORT:-8081}"
export RESOLVER="${RESOLVER:-}"
export INSTANCE_OPTIONS="${INSTANCE_OPTIONS:-}"
export REQUESTS_PER_SECOND="${REQUESTS_PER_SECOND:-50}"
export REQUEST_BURST="${REQUEST_BURST:-100}"
export SIGN_IN_PER_SECOND="${SIGN_IN_PER_SECOND:-5}"
export SIGN_IN_BURST="${SIGN_IN_BURST:-20}"
export CONNECTIONS_PER_ADDRESS="${CONNECTIONS_PER_ADDRESS:-100}"

awk '
  function fill(line,   out, name) {
    out = ""
    while (match(line, /[$][{][A-Z_]+[}]/)) {
      name = substr(line, RSTART + 2, RLENGTH - 3)
      if (!(name in ENVIRON)) { print "render.sh: line " NR ": no value for " name > "/dev/stderr"; failed = 1; exit }
      out = out substr(line, 1, RSTART - 1) ENVIRON[name]
      line = substr(line, RSTART + RLENGTH)
    }
    return out line
  }
  BEGIN { count = split(ENVIRON["FLAGS"], flags, " "); for (i = 1; i <= count; i++) given[flags[i]] = 1; depth = 0; off = 0 }
  /^ *#if / { depth++; if (off == 0 && !($2 in given)) off = depth; next }
  /^ *#end *$/ { if (off == depth) off = 0; depth--; next }
  off > 0 { next }
  /^ *#/ { print; next }
  match($0, /[$][{]EACH_[A-Z_]+[}]/) {
    name = substr($0, RSTART + 2, RLENGTH - 3); before = substr($0, 1, RSTART - 1); after = substr($0, RSTART + RLENGTH)
    count = split(ENVIRON[name], values, " ")
    for (i = 1; i <= count; i++) print fill(before values[i] after)
    next
  }
  { print fill($0) }
  END { if (failed) exit 1 }
' "$(dirname "${BASH_SOURCE[0]}")/nginx.conf"
