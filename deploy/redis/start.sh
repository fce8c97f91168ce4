#!/bin/sh
# Starts Valkey (or Redis: SERVER=redis-server) with redis.conf and users.acl of this folder; further arguments are the server's.
# ROUTER_PASSWORD and OPERATOR_PASSWORD come from the environment; on disk only their SHA-256.
set -eu
here=$(dirname "$0")
users=${USERS_FILE:-/tmp/users.acl}
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

umask 077
sed -e "s/\${ROUTER_PASSWORD_SHA256}/$(hash "${ROUTER_PASSWORD:?}")/" \
    -e "s/\${OPERATOR_PASSWORD_SHA256}/$(hash "${OPERATOR_PASSWORD:?}")/" "$here/users.acl" > "$users"
unset ROUTER_PASSWORD OPERATOR_PASSWORD
exec "${SERVER:-valkey-server}" "$here/redis.conf" --aclfile "$users" "$@"
