#!/usr/bin/env bash
# Backups of the database, in the database's own image: its tools match the server's version.
#
#   run              make one a day, from now on
#   now              make one now
#   list             the good dumps, the newest last
#   counts           how many rows each table has
#   health           whether all is well; if not, why
#   take NAME        store a dump that comes by standard input
#   revision NAME    which migration a dump is of
#   restore NAME     into a new database, beside the present one
#   swap             give the restored database the present one's name
#   discard          remove what a failed restore has left behind
#
# A dump gets its name only after it has been restored once and had the expected rows.
set -Eeuo pipefail
# Dumps contain channels with their passwords: only their owner may read them.
umask 077

FOLDER=${BACKUP_FOLDER:-/var/lib/postgresql}
# A day's dumps are kept until there are dumps of this many later days. Days with dumps are counted, not
# the clock: a wrong clock, or weeks without a backup, delete nothing. The newest is always kept.
KEEP_DAYS=${BACKUP_KEEP_DAYS:-14}
# In UTC. A missed backup is made as soon as the service runs again.
AT=${BACKUP_AT:-03:15}
# Whether to include single checks, or only their sums. They are most of the database.
RAW=${BACKUP_RAW_CHECKS:-true}
MAX_SECONDS=${BACKUP_MAX_SECONDS:-21600}
RETRY_SECONDS=${BACKUP_RETRY_SECONDS:-900}
# As in the alert (monitoring/rules): a day, plus the time that a backup may take.
LATE_SECONDS=$((26 * 3600))

HERE=$(dirname "$(realpath "$0")")
SCRATCH=${PGDATABASE}_verify
RESTORED=${PGDATABASE}_restored
ERRORS=/tmp/errors
# Why the last backup failed, until one succeeds. The file's time is when it failed.
FAILED=/tmp/failed
backing_up=

export PGCONNECT_TIMEOUT=10 PGAPPNAME=backup
# A password file in libpq's format, so that the password is neither in `docker inspect` nor in the
# environment of a process.
if [ -r /run/secrets/database_password ]; then
    export PGPASSFILE=/tmp/pgpass
    # Replaced atomically: a health check may run in the middle of a backup.
    sed 's/[\\:]/\\&/g; s/^/*:*:*:*:/' /run/secrets/database_password >"$PGPASSFILE.$$"
    mv "$PGPASSFILE.$$" "$PGPASSFILE"
fi

log() { # LEVEL EVENT: a line like those of the other services
    local event=${2//\\/\\\\}
    event=${event//\"/\\\"}
    event=${event//[$'\n\r\t']/ }
    if [ "${LOG_FORMAT:-json}" = console ]; then
        printf '%s %s\n' "$1" "$event"
    else
        printf '{"time":"%s","level":"%s","service":"backup","event":"%s"}\n' \
            "$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)" "$1" "$event"
    fi
} >&2

fail() { # MESSAGE
    log error "$1"
    # Other commands report their failure to the operator who ran them.
    [ -z "$backing_up" ] || printf '%s\n' "$1" >"$FAILED"
    exit 1
}

must() { # COMMAND…: if it fails, the reason is its error output
    "$@" 2>"$ERRORS" || fail "$(basename "$1"): $(tail -n 3 "$ERRORS")"
}

sql() { # DATABASE STATEMENT
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$1" -c "$2"
}

dumps() { # the good ones, the oldest first
    find "$FOLDER" -maxdepth 1 -name 'stagewatch-*.dump' -printf '%f\n' | sort
}

age() { # NAME: its age in seconds; negative if the clock was ahead, or has been set back
    echo $(($(date +%s) - $(stat --format %Y "$FOLDER/$1")))
}

checked() { # validate the settings that could do harm
    [[ $KEEP_DAYS =~ ^[1-9][0-9]*$ ]] || fail "BACKUP_KEEP_DAYS: it must be 1 or more"
    # For `timeout`, 0 would be no limit.
    [[ $MAX_SECONDS =~ ^[1-9][0-9]*$ ]] || fail "BACKUP_MAX_SECONDS: it must be 1 or more"
    [[ $RAW =~ ^(true|false)$ ]] || fail "BACKUP_RAW_CHECKS: it must be true or false"
    date --utc --date "today $AT" >/dev/null 2>&1 || fail "BACKUP_AT: it must be a time such as 03:15"
}

lock() {
    # The kernel releases it however this process ends. Wait: a health check may be testing it.
    # In a group: a failed redirection would end the shell before `health` could learn the reason.
    { exec 9>"$FOLDER/.lock"; } 2>"$ERRORS" || fail "$(tail -n 1 "$ERRORS")"
    flock --timeout 5 9 || fail "another backup or restore is running"
}

clean() { # remove what a killed backup has left behind; call it with the lock held
    rm -f "$FOLDER"/.partial-*
    sql postgres "DROP DATABASE IF EXISTS \"$SCRATCH\" WITH (FORCE)"
}

# ---- A backup

once() {
    local name partial size free begin counted snapshot without=()
    checked
    backing_up=yes
    lock
    must clean
    # If this fails, the next backup cleans up.
    trap 'clean 2>/dev/null || true' EXIT
    trap 'exit 143' TERM

    if [ "$RAW" = false ]; then
        without=(--exclude-table-data-and-children=checks)
    fi
    size=$(must sql "$PGDATABASE" "SELECT pg_database_size(current_database()) - CASE WHEN $RAW
        THEN 0 ELSE (SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)
                     FROM pg_inherits WHERE inhparent = 'checks'::regclass) END")
    # With Docker's own volumes this is the database's disk too. The copy restored for verification is as
    # large as the database, and the dump a fraction of that. A backup that fills the disk would stop the
    # monitoring.
    free=$(df --block-size=1 --output=avail "$FOLDER" | tail -n 1)
    if [ "$free" -lt $((size * 3 / 2)) ]; then
        fail "too little space: $((free >> 20)) MiB are free and $(((size * 3 / 2) >> 20)) are needed"
    fi

    begin=$(date +%s)
    name=stagewatch-$(date --utc --date "@$begin" +%Y%m%dT%H%M%SZ).dump
    partial=$FOLDER/.partial-$name
    # One transaction sees the database as it is now, whatever is written meanwhile. It counts the rows and
    # shares its snapshot with pg_dump. The tables that it has counted can't be dropped until it ends.
    coproc VIEW { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
        --set raw="$RAW" 2>"$ERRORS.view"; }
    # Saved here: bash unsets the array when the coprocess ends.
    local told=${VIEW[1]} heard=${VIEW[0]}
    printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;' \
        'SELECT pg_export_snapshot();' "\\i $HERE/counts.sql" '\echo done' >&"$told"
    read -r snapshot <&"$heard" || fail "psql: $(tail -n 3 "$ERRORS.view")"
    counted=$(counts_until_done <&"$heard") || fail "psql: $(tail -n 3 "$ERRORS.view")"
    must pg_dump --format=custom --compress=zstd:3 --snapshot="$snapshot" \
        --lock-wait-timeout=60s "${without[@]}" --file="$partial"
    echo '\q' >&"$told"

    must sql postgres "CREATE DATABASE \"$SCRATCH\" TEMPLATE template0"
    PGOPTIONS='-c synchronous_commit=off' must pg_restore --exit-on-error --dbname="$SCRATCH" "$partial"
    if [ "$counted" != "$(must counts "$SCRATCH")" ]; then
        # diff exits with 1 because they differ, which is expected here.
        counts "$SCRATCH" | diff - <(echo "$counted") >"$ERRORS" || true
        fail "the dump does not have the rows that the database has: $(head -n 5 "$ERRORS")"
    fi

    touch --date "@$begin" "$partial"
    # First on disk, then under its name: after a power cut there is either nothing or a complete dump.
    must sync "$partial"
    must mv "$partial" "$FOLDER/$name"
    must sync "$FOLDER"
    rm -f "$FAILED"
    log info "$name is good: $(echo "$counted" | awk -F '|' '{ n += $2 } END { print n }') rows, \
$(($(stat --format %s "$FOLDER/$name") >> 10)) KiB, $(($(date +%s) - begin)) s"
    prune
}

counts() { # DATABASE
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set raw="$RAW" \
        --dbname "$1" --file "$HERE/counts.sql"
}

counts_until_done() {
    local line
    while read -r line; do
        [ "$line" = done ] && return
        echo "$line"
    done
    return 1
}

prune() {
    local name days
    days=$(dumps | cut -c 12-19 | sort -ru | head -n "$KEEP_DAYS")
    for name in $(dumps); do
        if [[ $days != *"${name:11:8}"* ]]; then
            rm "$FOLDER/$name"
            log info "$name is deleted: there are dumps of $KEEP_DAYS later days"
        fi
    done
}

# ---- The schedule

due() { # whether no dump has been made since the last scheduled time
    local name now last
    now=$(date +%s)
    last=$(date --utc --date "today $AT" +%s)
    ((last <= now)) || last=$((last - 86400))
    for name in $(dumps); do
        # A dump from the future says nothing about today.
        (($(age "$name") < 0 || $(age "$name") > now - last)) || return 1
    done
}

now() { # run a backup in a separate process, which always ends, with all its children
    local child
    timeout --kill-after=60 "$MAX_SECONDS" "$0" once &
    child=$!
    # A signal interrupts `wait`; with a command in the foreground it would be delayed.
    trap 'kill $child; wait; exit 143' TERM INT
    wait $child
}

failed() { # when the last backup failed; 0 if it did not
    # Without the file, nothing has failed.
    stat --format %Y "$FAILED" 2>/dev/null || echo 0
}

recovered() { # whether another container has made a good dump since
    # If the file is gone by now, there is no failure to recover from.
    [ -n "$(find "$FOLDER" -maxdepth 1 -name 'stagewatch-*.dump' -newercm "$FAILED" 2>/dev/null)" ]
}

run() {
    local clock tries=0
    trap 'exit 0' TERM INT
    checked
    log info "a backup a day at $AT UTC, of $KEEP_DAYS days, single checks: $RAW"
    # After the machine restarts, all containers start at once.
    until pg_isready --quiet || ((tries++ == 30)); do
        sleep 2
    done
    # Remove what a killed backup has left; if that fails, the next backup does it, or reports why.
    (lock && clean) 2>/dev/null || true
    while true; do
        clock=$(date +%s)
        ! recovered || rm -f "$FAILED"
        if [ -e "$FAILED" ] || due; then
            if ((clock - $(failed) >= RETRY_SECONDS || clock < $(failed))); then
                now || (($(failed) >= clock)) || echo "ended after $MAX_SECONDS s, or killed" >"$FAILED"
                trap 'exit 0' TERM INT
            fi
        fi
        sleep 5 &
        wait $!
    done
}

health() {
    local name
    if [ -e "$FAILED" ]; then
        echo "the last backup failed: $(cat "$FAILED")"
        return 1
    fi
    for name in $(dumps); do
        (($(age "$name") < 0 || $(age "$name") > LATE_SECONDS)) || return 0
    done
    # The first backup of a large database takes a while.
    if ! flock --nonblock "$FOLDER/.lock" true; then
        return 0
    fi
    echo "there is no good dump of the last $((LATE_SECONDS / 3600)) hours"
    return 1
}

# ---- Restoring

path() { # NAME
    [ -r "$FOLDER/$(basename "$1")" ] || fail "there is no dump $1; there are: $(dumps | xargs)"
    echo "$FOLDER/$(basename "$1")"
}

take() { # NAME: not one of our own dumps, and deleted by `swap` or `discard`
    local name
    name=.taken-$(basename "$1")
    cat >"$FOLDER/$name"
    must pg_restore --list "$FOLDER/$name" >/dev/null
    echo "$name"
}

revision() { # NAME
    local file
    file=$(path "$1")
    must pg_restore --data-only --table=alembic_version --file=- "$file" | sed -n '/^COPY/ { n; p; }'
}

restore() { # NAME
    local file
    file=$(path "$1")
    lock
    must sql postgres "DROP DATABASE IF EXISTS \"$RESTORED\" WITH (FORCE)"
    must sql postgres "CREATE DATABASE \"$RESTORED\" TEMPLATE template0"
    PGOPTIONS='-c synchronous_commit=off' \
        must pg_restore --exit-on-error --jobs=4 --dbname="$RESTORED" "$file"
    # The planner needs statistics, which these dumps do not contain.
    must sql "$RESTORED" "ANALYZE"
    log info "$1 is restored into the database $RESTORED"
}

discard() {
    lock
    rm -f "$FOLDER"/.taken-*
    must sql postgres "DROP DATABASE IF EXISTS \"$RESTORED\" WITH (FORCE)"
}

swap() {
    local kept tries
    lock
    kept=${PGDATABASE}_before_$(date --utc +%Y%m%d%H%M%S)
    # Both names change in one transaction, or neither does. Connections block that, and their clients may
    # reconnect at once: an exporter, a person.
    for tries in 1 2 3 4 5 6 7 8 9 10; do
        must sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname IN ('$PGDATABASE', '$RESTORED')" >/dev/null
        if sql postgres "ALTER DATABASE \"$PGDATABASE\" RENAME TO \"$kept\";
                ALTER DATABASE \"$RESTORED\" RENAME TO \"$PGDATABASE\"" 2>"$ERRORS"; then
            rm -f "$FOLDER"/.taken-*
            echo "$kept"
            return
        fi
        sleep 0.5
    done
    fail "psql, after $tries tries: $(tail -n 3 "$ERRORS")"
}

case ${1:-} in
    now | once | run | health | discard | swap) "$1" ;;
    list) dumps ;;
    take | revision | restore) "$1" "${2:?which dump?}" ;;
    counts) counts "${2:-$PGDATABASE}" ;;
    *) sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p; }' "$0" && exit 2 ;;
esac
