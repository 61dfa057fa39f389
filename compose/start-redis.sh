#!/bin/sh
# Starts Redis with the password in the secret file. --requirepass is not used because it would
# show the password on the command line; an ACL file in memory has its hash instead.
set -eu
secret=/run/secrets/redis_password
if [ ! -s "$secret" ]; then
    echo "stagewatch: $secret is missing or empty; \`make secrets\` makes it" >&2
    exit 1
fi
umask 077
hash=$(tr -d '\r\n' <"$secret" | sha256sum | cut -d ' ' -f 1)
# Everything that Celery and the API need, but nothing that reconfigures the server, loads modules
# or empties it: with CONFIG SET and SAVE a client can write files. The exporter reads the rest.
reading='+info +config|get +latency|latest +latency|histogram +slowlog|get +slowlog|len +client|list'
echo "user default on #$hash ~* &* +@all -@admin -@dangerous $reading" >/tmp/users.acl
exec "$@" --aclfile /tmp/users.acl --protected-mode no
