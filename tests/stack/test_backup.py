"""Stage 12: a verified dump a day, and restoring it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.stack.support import (
    ROOT,
    CommandFailed,
    Stack,
    docker,
    request,
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


def restore(stack: Stack, file: str | Path) -> subprocess.CompletedProcess[str]:
    """Do what `make restore FILE=…` does."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.restore", str(file)],
        cwd=ROOT,
        env=os.environ | {"COMPOSE": " ".join(stack.compose_command_property)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


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


def test_after_the_volume_is_destroyed_a_restore_brings_everything_back(
    stack: Stack, tmp_path: Path
) -> None:
    api = stack.url("/api")
    monitor = {"name": "Site", "kind": "http", "url": "http://example.com/"}
    heartbeat = {"name": "Job", "kind": "heartbeat", "period_seconds": 3600, "grace_seconds": 60}
    for body in (monitor, heartbeat):
        assert request(f"{api}/monitors", method="POST", json_body=body).status == 201
    hook = {"name": "Hook", "kind": "webhook", "url": "https://example.com/", "secret": "s" * 32}
    assert request(f"{api}/channels", method="POST", json_body=hook).status == 201
    # So that the responses do not change.
    for each in request(f"{api}/monitors").json()["items"]:
        request(f"{api}/monitors/{each['id']}/pause", method="POST")
    asked = ("/monitors", "/channels", "/incidents")
    before = {path: request(api + path).json() for path in asked}
    rows = counts(stack)
    backup(stack, "now")
    name = dumps(stack)[-1]
    # What is not on this machine outlives it.
    [container] = stack.containers("backup")
    docker("cp", f"{container}:/var/lib/postgresql/{name}", str(tmp_path / "off-site.dump"))
    assert rows["checks_before"] > 100_000

    stack.run("down", "--volumes")
    stack.start()
    assert request(stack.url("/api/monitors")).json()["items"] == []
    done = restore(stack, tmp_path / "off-site.dump")

    assert done.returncode == 0, done.stdout
    assert counts(stack) == rows
    api = stack.url("/api")
    assert {path: request(api + path).json() for path in asked} == before
    # And it goes on.
    assert request(f"{api}/monitors", method="POST", json_body=monitor).status == 201


def test_a_restore_that_fails_leaves_everything_as_it_is(stack: Stack, tmp_path: Path) -> None:
    monitors = request(stack.url("/api/monitors")).json()["items"]
    databases = sql(stack, DATABASES)
    started = [docker("inspect", "-f", "{{.State.StartedAt}}", *stack.containers("api"))]
    broken = tmp_path / "broken.dump"
    wait_for(lambda: dumps(stack), what="a dump")
    newest = dumps(stack)[-1]
    [container] = stack.containers("backup")
    docker("cp", f"{container}:/var/lib/postgresql/{newest}", str(broken))
    broken.write_bytes(broken.read_bytes()[:-20_000])

    unknown = restore(stack, "stagewatch-20200101T000000Z.dump")
    cut_off = restore(stack, broken)

    assert (unknown.returncode, cut_off.returncode) == (1, 1)
    assert "there is no dump stagewatch-20200101T000000Z.dump; there are: stage" in unknown.stdout
    assert "NOT restored: " in cut_off.stdout
    # By now they are checked.
    now = request(stack.url("/api/monitors")).json()["items"]
    assert [each["id"] for each in now] == [each["id"] for each in monitors] != []
    assert sql(stack, DATABASES) == databases
    assert ".taken" not in shell(stack, "ls -A")
    assert [docker("inspect", "-f", "{{.State.StartedAt}}", *stack.containers("api"))] == started
    assert health(stack) == "", "that is nothing against the backups"


def started(stack: Stack, signals: Sequence[signal.Signals]) -> tuple[int, str]:
    """Restore the newest dump; send signals to it and its children as soon as programs are stopped.

    Return the exit code and what it printed.
    """
    command = [sys.executable, "-m", "deploy.restore", dumps(stack)[-1]]
    env = os.environ | {"COMPOSE": " ".join(stack.compose_command_property)}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "stopping" in line:
                for each in signals:
                    os.killpg(process.pid, each)
        return process.wait(300), "".join(lines)


def running(stack: Stack, name: str) -> bool:
    return "true" in docker("inspect", "-f", "{{.State.Running}}", *stack.containers(name))


def test_a_restore_that_is_interrupted_does_not_leave_the_programs_stopped(stack: Stack) -> None:
    backup(stack, "now")

    code, said = started(stack, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])

    assert (code, "done." in said) == (0, True), said
    assert all(running(stack, name) for name in ("api", "worker", "beat"))


def test_a_restore_while_no_program_runs_succeeds_and_says_so(stack: Stack) -> None:
    backup(stack, "now")
    # As a restore that was killed has left them.
    stack.run("stop", "api", "worker", "beat")
    try:
        done = restore(stack, dumps(stack)[-1])
    finally:
        stack.run("up", "--detach", "--wait", "nginx", "worker", "beat")

    assert done.returncode == 0, done.stdout
    assert "NOT running, as before: api, worker, beat" in done.stdout


def test_a_dump_of_a_later_release_is_refused(stack: Stack) -> None:
    sql(stack, "UPDATE alembic_version SET version_num = '9901'")
    backup(stack, "now")
    sql(stack, "UPDATE alembic_version SET version_num = (SELECT '1001')")

    done = restore(stack, dumps(stack)[-1])

    assert done.returncode == 1
    assert "is from a later release: its database is at 9901" in done.stdout
