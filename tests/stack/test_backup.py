"""Stage 12: a verified dump a day, and restoring it."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.stack.support import (
    ROOT,
    CommandFailed,
    Stack,
    docker,
    secrets_folder,
    wait_for,
)

SCRIPT = "/opt/backup/backup.sh"
DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'stagewatch%' ORDER BY 1"
# Ten hours of results of two hundred deleted monitors, every minute.
MANY_CHECKS = """
    INSERT INTO checks_before (monitor_id, scheduled_at, checked_at, ok, latency_ms)
    SELECT monitor, moment, moment, true, 12.5
    FROM generate_series(1000, 1199) AS monitor,
        generate_series(now() - interval '10 hours', now(), interval '1 minute') AS moment
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    env = {"ALLOWED_HOSTS": "localhost,nginx"}
    # The services that a restore involves; not the monitoring.
    up = ("--wait", "nginx", "worker", "beat", "backup")
    with Stack(env=env, up=up) as stack:
        yield stack


def secret() -> str:
    return (secrets_folder() / "database_password").read_text().strip()


def sql(stack: Stack, statement: str, database: str = "stagewatch") -> list[str]:
    psql = ("psql", "--username", "stagewatch", "--dbname", database, "-qAtX")
    return stack.run("exec", "-T", "db", *psql, "-c", statement).splitlines()


def backup(stack: Stack, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run the script in the service's container; return what it prints. Raises CommandFailed."""
    options = [part for name, value in (env or {}).items() for part in ("-e", f"{name}={value}")]
    return stack.run("exec", "-T", *options, "backup", SCRIPT, *arguments)


def shell(stack: Stack, script: str) -> str:
    return stack.run("exec", "-T", "backup", "bash", "-c", f"cd /var/lib/postgresql; {script}")


def dumps(stack: Stack) -> list[str]:
    return backup(stack, "list").split()


def counts(stack: Stack) -> dict[str, int]:
    """Return how many rows each table has."""
    lines = backup(stack, "counts", "stagewatch").splitlines()
    return {name: int(number) for name, _, number in (line.partition("|") for line in lines)}


def test_the_first_dump_is_made_at_once_and_the_service_is_well(stack: Stack) -> None:
    [first] = wait_for(lambda: dumps(stack), what="a dump")

    assert f"{first} is good" in stack.run("logs", "backup")
    # Its password and those of channels are in it.
    assert shell(stack, f"stat --format '%a %U' {first}").strip() == "600 postgres"
    assert sql(stack, DATABASES) == ["stagewatch"]
    assert backup(stack, "health") == ""
    assert secret() not in stack.run("logs", "backup")


def test_a_dump_has_the_rows_of_one_moment_whatever_is_written_meanwhile(stack: Stack) -> None:
    sql(stack, "CREATE TABLE written (number serial, text text)")
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            sql(stack, "INSERT INTO written (text) SELECT 'x' FROM generate_series(1, 5000)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: sql(stack, "SELECT count(*) FROM written") != ["0"])
        said = backup(stack, "now")
    finally:
        over.set()
        writer.join()
        sql(stack, "DROP TABLE written")

    assert "is good" in said


def fake(stack: Stack, tool: str, script: str) -> dict[str, str]:
    """Put a script in the place of one of PostgreSQL's tools; return the environment for that."""
    shell(stack, f"mkdir -p fake; cat > fake/{tool} <<'END'\n#!/bin/bash\n{script}\nEND")
    shell(stack, f"chmod +x fake/{tool}")
    return {"PATH": "/var/lib/postgresql/fake:/usr/local/bin:/usr/bin:/bin"}


def test_a_dump_that_lacks_rows_is_rejected_and_good_dumps_are_kept(stack: Stack) -> None:
    before = dumps(stack)
    env = fake(stack, "pg_dump", '/usr/bin/pg_dump --exclude-table-data=alembic_version "$@"')

    with pytest.raises(CommandFailed, match=r"does not have the rows .* alembic_version\|1"):
        backup(stack, "now", env=env)

    assert dumps(stack) == before
    assert sql(stack, DATABASES) == ["stagewatch"]
    assert "the last backup failed" in health(stack)
    # The next one that is good is the end of it.
    shell(stack, "rm -r fake")
    backup(stack, "now")
    assert health(stack) == ""


def test_a_good_dump_from_another_container_is_seen(stack: Stack) -> None:
    env = fake(stack, "pg_dump", "exit 1")
    with pytest.raises(CommandFailed):
        backup(stack, "now", env=env)
    assert "the last backup failed" in health(stack)

    shell(stack, "rm -r fake")
    stack.run("run", "--rm", "--no-deps", "-T", "backup", "now")

    wait_for(lambda: health(stack) == "", what="health")


def health(stack: Stack) -> str:
    try:
        return backup(stack, "health")
    except CommandFailed as failed:
        return str(failed)


def test_leftovers_of_a_killed_backup_are_removed_at_the_next_start(stack: Stack) -> None:
    env = fake(stack, "pg_restore", "sleep 600")
    running = threading.Thread(target=lambda: stack.run(*never_ends(env), check=False))
    running.start()
    scratch = ["stagewatch", "stagewatch_verify"]
    wait_for(lambda: sql(stack, DATABASES) == scratch, what="a backup that is being verified")
    assert ".partial-stagewatch-" in shell(stack, "ls -A")

    # A second backup while the first is running.
    with pytest.raises(CommandFailed, match="another backup or restore is running"):
        backup(stack, "now")
    assert sql(stack, DATABASES) == scratch
    [container] = stack.containers("backup")
    docker("kill", container)
    running.join()
    docker("start", container)

    wait_for(lambda: sql(stack, DATABASES) == ["stagewatch"], what="the database to be removed")
    wait_for(lambda: ".partial" not in shell(stack, "rm -rf fake; ls -A"), what="the file, too")
    assert not any("verify" in name for name in dumps(stack))


def never_ends(env: dict[str, str]) -> list[str]:
    return ["exec", "-T", "-e", f"PATH={env['PATH']}", "backup", SCRIPT, "now"]


def test_docker_stop_ends_a_backup_and_removes_what_it_has_made(stack: Stack) -> None:
    fake(stack, "pg_restore", "sleep 600")
    # The service's own backup: there is none of today.
    shell(stack, "rm stagewatch-*.dump")
    path = "PATH=/var/lib/postgresql/fake:/usr/local/bin:/usr/bin:/bin"
    run = ("run", "--detach", "--no-deps", "-e", path, "--name", f"{stack.name}-stopped")
    stack.run("stop", "backup")
    container = stack.run(*run, "backup", "run").split()[-1]
    try:
        wait_for(lambda: "stagewatch_verify" in sql(stack, DATABASES), what="a backup")
        files = docker("exec", container, "ls", "-A", "/var/lib/postgresql").split()
        [partial] = [name for name in files if name.startswith(".partial")]
        docker("stop", "--timeout", "60", container)
        # Not 137: it was not killed.
        assert docker("inspect", "-f", "{{.State.ExitCode}}", container).strip() in {"0", "143"}
        assert sql(stack, DATABASES) == ["stagewatch"]
    finally:
        docker("rm", "--force", container)
        stack.run("start", "backup")

    # By its name: the service's own backup has begun by now.
    assert partial not in shell(stack, "rm -r fake; ls -A")
    wait_for(lambda: dumps(stack), what="the service's own")


def test_a_clock_that_was_ahead_neither_holds_up_a_backup_nor_deletes_one(stack: Stack) -> None:
    wait_for(lambda: dumps(stack), what="a dump")
    [first, *_] = dumps(stack)
    # As if all were made next year, and some long ago.
    shell(stack, "for each in stagewatch-*.dump; do touch -d '1 year' $each; done")
    shell(stack, f"mv {first} stagewatch-20991231T031500Z.dump")
    for day in ("20200101", "20200102", "20200103"):
        shell(stack, f"touch -d {day} stagewatch-{day}T031500Z.dump")

    # Within seconds it sees that there is none of today.
    today = time.strftime("stagewatch-%Y%m%dT", time.gmtime())
    made = "find . -name 'stagewatch-*' -newermt '-5 minutes' ! -newermt '1 minute'"
    wait_for(lambda: today in shell(stack, made), what="a dump of today")
    backup(stack, "now", env={"BACKUP_KEEP_DAYS": "3"})

    # Days that have dumps are counted, so five years without any have deleted no more than these.
    days = sorted({name[11:19] for name in dumps(stack)})
    assert days == ["20200103", today[11:19], "20991231"]
    shell(stack, "rm stagewatch-2020* stagewatch-2099*")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BACKUP_KEEP_DAYS", "0"),
        ("BACKUP_MAX_SECONDS", "0"),
        ("BACKUP_RAW_CHECKS", "no"),
        ("BACKUP_AT", "noon-ish"),
    ],
)
def test_a_setting_that_could_do_harm_is_refused(stack: Stack, variable: str, value: str) -> None:
    before = dumps(stack)

    with pytest.raises(CommandFailed, match=f"{variable}: it must be"):
        backup(stack, "now", env={variable: value})

    assert dumps(stack) == before


def test_a_folder_that_can_not_be_written_is_reported(stack: Stack) -> None:
    env = {"BACKUP_FOLDER": "/opt/backup"}

    with pytest.raises(CommandFailed, match="Read-only file system"):
        backup(stack, "now", env=env)

    with pytest.raises(CommandFailed, match=r"the last backup failed: .*Read-only file system"):
        backup(stack, "health", env=env)
    shell(stack, "rm /tmp/failed")


def test_without_room_or_without_the_database_it_fails_and_says_why(stack: Stack) -> None:
    before = dumps(stack)
    small = ("--tmpfs", "/var/lib/postgresql:size=4m,uid=999", "--tmpfs", "/tmp")  # noqa: S108  (in it)
    network = ("--network", f"{stack.name}_backend", "--user", "999:999")
    volume = ("--volume", f"{ROOT}/backup:/opt/backup:ro", "--entrypoint", SCRIPT)
    env = {"PGHOST": "db", "PGUSER": "stagewatch", "PGDATABASE": "stagewatch"}
    variables = [part for each in env.items() for part in ("--env", "=".join(each))]
    password = ("--env", f"PGPASSWORD={secret()}")
    with pytest.raises(CommandFailed, match="too little space: 4 MiB are free"):
        docker(
            *("run", "--rm", *small, *network, *volume, *variables, *password),
            *("postgres:18", "now"),
        )

    stack.run("stop", "db")
    try:
        with pytest.raises(CommandFailed, match="could not"):
            backup(stack, "now")
    finally:
        stack.run("start", "db")
        wait_for(lambda: sql(stack, "SELECT 1") == ["1"], what="the database")
    assert dumps(stack) == before


def test_single_checks_can_be_left_out(stack: Stack) -> None:
    sql(stack, MANY_CHECKS)
    said = backup(stack, "now", env={"BACKUP_RAW_CHECKS": "false"})
    assert "is good" in said

    backup(stack, "restore", dumps(stack)[-1])

    [number] = sql(stack, "SELECT count(*) FROM checks", "stagewatch_restored")
    assert number == "0"
    assert sql(stack, "SELECT * FROM alembic_version", "stagewatch_restored")
    sql(stack, "DROP DATABASE stagewatch_restored")
