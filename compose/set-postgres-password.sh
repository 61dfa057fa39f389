#!/usr/bin/env bash
# Run by the image once it has set up a new database, which still listens on its socket only.
set -Eeuo pipefail
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat /run/secrets/database_password`
SET log_min_error_statement = panic;
ALTER ROLE CURRENT_USER PASSWORD :'password';
SQL
