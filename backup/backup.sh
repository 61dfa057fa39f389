#!/usr/bin/env bash
# Backups of the database, in the database's own image: its tools are of the server's version.
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
#
# A dump has its name only when it has been restored once and had the rows that it must have.
set -Eeuo pipefail
# Dumps hold channels with their passwords: for their owner alone.
umask 077

FOLDER=${BACKUP_FOLDER:-/var/lib/postgresql}
# A day's dumps are kept until dumps of this many later days are there. Counted, not by the clock: one
# that is wrong, or weeks without a backup, delete nothing. The newest stays in any case.
KEEP_DAYS=${BACKUP_KEEP_DAYS:-14}
# UTC. What has been missed is made up for as soon as there is somebody to do it.
AT=${BACKUP_AT:-03:15}
# Whether single checks are in, or only their sums. They are most of the database.
RAW=${BACKUP_RAW_CHECKS:-true}
MAX_SECONDS=${BACKUP_MAX_SECONDS:-21600}
RETRY_SECONDS=${BACKUP_RETRY_SECONDS:-900}
# As the alert has it (monitoring/rules): a day, and what a backup may take.
LATE_SECONDS=$((26 * 3600))

HERE=$(dirname "$(realpath "$0")")
SCRATCH=${PGDATABASE}_verify
RESTORED=${PGDATABASE}_restored
ERRORS=/tmp/errors
# Why the last backup failed, until there is a good one. Its time is when.
FAILED=/tmp/failed
backing_up=

export PGCONNECT_TIMEOUT=10 PGAPPNAME=backup
# A file of its own form for PostgreSQL's programs, so that the password is neither in `docker inspect` nor
# in the environment of a process.
if [ -r /run/secrets/database_password ]; then
    export PGPASSFILE=/tmp/pgpass
    # In place at once: a health check may come in the middle of a backup.
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
    # What is no backup fails before the eyes of whoever has asked for it.
    [ -z "$backing_up" ] || printf '%s\n' "$1" >"$FAILED"
    exit 1
}

must() { # COMMAND…: what it says when it fails is the reason
    "$@" 2>"$ERRORS" || fail "$(basename "$1"): $(tail -n 3 "$ERRORS")"
}

sql() { # DATABASE STATEMENT
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$1" -c "$2"
}

dumps() { # the good ones, the oldest first
    find "$FOLDER" -maxdepth 1 -name 'stagewatch-*.dump' -printf '%f\n' | sort
}

age() { # NAME: seconds since then; below zero if the clock was ahead, or has been set back
    echo $(($(date +%s) - $(stat --format %Y "$FOLDER/$1")))
}

checked() { # the settings that could do harm
    [[ $KEEP_DAYS =~ ^[1-9][0-9]*$ ]] || fail "BACKUP_KEEP_DAYS: it must be 1 or more"
    [[ $RAW =~ ^(true|false)$ ]] || fail "BACKUP_RAW_CHECKS: it must be true or false"
    date --utc --date "today $AT" >/dev/null 2>&1 || fail "BACKUP_AT: it must be a time, as 03:15"
}

lock() {
    # The kernel releases it however this process ends. The wait is for a health check's look at it.
    exec 9>"$FOLDER/.lock"
    flock --timeout 5 9 || fail "another backup or restore is under way"
}

clean() { # what a backup leaves behind that was killed; to be called with the lock
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
    # What can't be cleaned now, the next one cleans.
    trap 'clean 2>/dev/null || true' EXIT
    trap 'exit 143' TERM

    if [ "$RAW" = false ]; then
        without=(--exclude-table-data-and-children=checks)
    fi
    size=$(must sql "$PGDATABASE" "SELECT pg_database_size(current_database()) - CASE WHEN $RAW
        THEN 0 ELSE (SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)
                     FROM pg_inherits WHERE inhparent = 'checks'::regclass) END")
    # With Docker's own volumes it is the database's disk, too. What is restored to be verified is as
    # large as the database, and the dump a fraction of that. A backup that fills the disk would stop
    # the monitoring.
    free=$(df --block-size=1 --output=avail "$FOLDER" | tail -n 1)
    if [ "$free" -lt $((size * 3 / 2)) ]; then
        fail "too little room: $((free >> 20)) MiB are free and $(((size * 3 / 2) >> 20)) are needed"
    fi

    begin=$(date +%s)
    name=stagewatch-$(date --utc --date "@$begin" +%Y%m%dT%H%M%SZ).dump
    partial=$FOLDER/.partial-$name
    # One transaction sees the database as it is now, whatever is written meanwhile. It counts the
    # rows and lends its view to pg_dump. What it has counted can't be dropped until it ends.
    coproc VIEW { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
        --set raw="$RAW" 2>"$ERRORS.view"; }
    # Kept here: bash forgets its numbers when it ends.
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
        # diff ends with 1 because they differ, as they must here.
        counts "$SCRATCH" | diff - <(echo "$counted") >"$ERRORS" || true
        fail "the dump has not the rows that the database has: $(head -n 5 "$ERRORS")"
    fi

    touch --date "@$begin" "$partial"
    # On the disk first, then under its name: a power cut leaves either nothing or the whole.
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

due() { # whether there is no dump since the last time for one
    local name now last
    now=$(date +%s)
    last=$(date --utc --date "today $AT" +%s)
    ((last <= now)) || last=$((last - 86400))
    for name in $(dumps); do
        # One from the future says nothing about today.
        (($(age "$name") < 0 || $(age "$name") > now - last)) || return 1
    done
}

now() { # a backup in a process of its own, which ends in any case, with all that it has started
    local child
    timeout --kill-after=60 "$MAX_SECONDS" "$0" once &
    child=$!
    # `wait` ends when a signal comes; a command in the foreground would hold it back.
    trap 'kill $child; wait; exit 143' TERM INT
    wait $child
}

failed() { # when the last backup did; 0: it did not
    # Without the file, none has failed.
    stat --format %Y "$FAILED" 2>/dev/null || echo 0
}

recovered() { # whether a dump has become a good one since, by another container's doing
    # Where the file is gone meanwhile, nothing has failed that could recover.
    [ -n "$(find "$FOLDER" -maxdepth 1 -name 'stagewatch-*.dump' -newercm "$FAILED" 2>/dev/null)" ]
}

run() {
    local clock tries=0
    trap 'exit 0' TERM INT
    checked
    log info "a backup a day at $AT UTC, of $KEEP_DAYS days, single checks: $RAW"
    # After a restart of the machine all start at once.
    until pg_isready --quiet || ((tries++ == 30)); do
        sleep 2
    done
    # What one has left that was killed; if it can't be cleaned, the next backup does it, or says why.
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
    # A first one of a large database takes its time.
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

take() { # NAME: it is not one of our own, and gone after `swap`
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
    # Plans are made by statistics, which are not in a dump.
    must sql "$RESTORED" "ANALYZE"
    log info "$1 is restored into the database $RESTORED"
}

swap() {
    local kept tries
    lock
    kept=${PGDATABASE}_before_$(date --utc +%Y%m%d%H%M%S)
    # Both names change in one transaction, or none. Who is connected is in the way, and may come
    # again at once: an exporter, a person.
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
    now | once | run | health | swap) "$1" ;;
    list) dumps ;;
    take | revision | restore) "$1" "${2:?which dump?}" ;;
    counts) counts "${2:-$PGDATABASE}" ;;
    *) sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p; }' "$0" && exit 2 ;;
esac
