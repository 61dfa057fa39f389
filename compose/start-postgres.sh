#!/usr/bin/env bash
# Starts PostgreSQL with the password in the secret file, whatever it was before. So changing the
# password takes a new file and a restart, and a volume from an earlier stage can be used as it is.
set -Eeuo pipefail
secret=/run/secrets/database_password
if [ ! -s "$secret" ]; then
    echo "stagewatch: $secret is missing or empty; \`make secrets\` makes it" >&2
    exit 1
fi

if [ -s "$PGDATA/PG_VERSION" ]; then
    # Single-user mode: a separate process that listens nowhere, asks for no password, and reads
    # statements from standard input. Log no statement, not even one that fails.
    password=$(<"$secret")
    printf 'ALTER ROLE "%s" PASSWORD %s\n' "$POSTGRES_USER" "'${password//\'/\'\'}'" |
        postgres --single -D "$PGDATA" -c log_statement=none -c log_min_error_statement=panic \
            -c log_min_duration_statement=-1 -c exit_on_error=on postgres >/dev/null
    unset password
else
    # The image sets up a new database with a password from a variable or a file, and either way it
    # stays in the server's environment for as long as the server runs. So the image gets a random
    # one, and set-postgres-password.sh, which it runs at the end, sets the real one.
    POSTGRES_PASSWORD=$(head -c 32 /dev/urandom | base64)
    export POSTGRES_PASSWORD
fi
exec docker-entrypoint.sh "$@"
