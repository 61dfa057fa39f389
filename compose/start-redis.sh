#!/bin/sh
# Starts Redis, which asks for the password in the secret's file. Not by --requirepass, which would
# be on the command line for all to see, but by a file with the password's hash, in memory.
set -eu
secret=/run/secrets/redis_password
if [ ! -s "$secret" ]; then
    echo "stagewatch: $secret is missing or empty; \`make secrets\` makes it" >&2
    exit 1
fi
umask 077
hash=$(tr -d '\r\n' <"$secret" | sha256sum | cut -d ' ' -f 1)
# All that Celery and the API do, and not what changes the server itself, loads code into it or
# empties it: with CONFIG SET and SAVE a client can write files. The exporter reads the rest.
reading='+info +config|get +latency|latest +latency|histogram +slowlog|get +slowlog|len +client|list'
echo "user default on #$hash ~* &* +@all -@admin -@dangerous $reading" >/tmp/users.acl
exec "$@" --aclfile /tmp/users.acl --protected-mode no
