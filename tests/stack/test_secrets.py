"""Stage 12: secrets are files, and appear in nothing that describes a container."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import secret_files
from tests.stack.hardened import containers, own_secrets, processes, values
from tests.stack.support import CommandFailed, Stack, docker, request, wait_for

CONNECT = """
import asyncio, asyncpg, sys
async def main():
    connection = await asyncpg.connect(
        user="stagewatch", password=sys.argv[1], host="db", database="stagewatch"
    )
    print(await connection.fetchval("SELECT 'in'"))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_secrets(tmp_path_factory.mktemp("stagewatch") / "secrets") as folder:
        yield folder


@pytest.fixture(scope="module")
def stack(secrets: Path) -> Iterator[Stack]:
    with Stack(env={"SECRETS_FOLDER": str(secrets)}, up=("--wait",)) as stack:
        yield stack


def test_make_secrets_creates_the_secrets_that_compose_asks_for(tmp_path: Path) -> None:
    made = secret_files.make(tmp_path / "secrets")

    config = Stack().run("--profile", "grafana", "config", "--format", "json")
    asked = json.loads(config)["secrets"]

    assert {Path(each["file"]).name for each in asked.values()} == set(made)


def test_no_secret_is_in_inspect_environments_command_lines_or_logs(
    stack: Stack, secrets: Path
) -> None:
    # The second start of a database is another than the first, and what depends on it complains.
    stack.run("restart", "db", "redis")
    wait_for(lambda: request(stack.url("/ready")).json()["status"] == "ready", what="both back")
    told = {"compose config": stack.run("config")}
    for service, container in containers(stack).items():
        told[f"inspect {service}"] = docker("inspect", container["Id"])
        told[f"logs {service}"] = docker("logs", container["Id"])
        if container["State"]["Running"]:
            told[f"environment {service}"] = processes(container["Id"], "environ")
            told[f"command line {service}"] = processes(container["Id"], "cmdline")
    assert "DATABASE_URL=" in told["environment api"]
    assert "app.server" in told["command line api"]

    found = [
        (name, where)
        for name, value in values(secrets).items()
        for where, text in told.items()
        if value in text
    ]
    assert found == []


def test_a_container_has_the_secrets_that_it_needs_and_no_others(stack: Stack) -> None:
    mounted = {
        service: sorted(
            Path(mount["Source"]).name
            for mount in container["Mounts"]
            if "secrets" in mount["Source"] and not mount["Source"].endswith("/certs")
        )
        for service, container in containers(stack).items()
    }
    ours = ["database_password", "redis_password"]
    assert mounted == {
        "nginx": [],
        "db": ["database_password"],
        "redis": ["redis_password"],
        "migrate": ours,
        "api": sorted([*ours, "api_key", "smtp_url", "webhook_key"]),
        "worker": sorted([*ours, "smtp_url", "webhook_key"]),
        "beat": ours,
        "prometheus": [],
        "alertmanager": ["alert_webhook_url"],
        "postgres-exporter": ["database_password"],
        "redis-exporter": ["redis_exporter_passwords"],
        "nginx-exporter": [],
        "backup": ["database_password"],
    }


def test_webhook_secrets_are_not_in_a_dump(stack: Stack, secrets: Path) -> None:
    key = (secrets / "api_key").read_text().strip()
    hook = {"name": "Hook", "kind": "webhook", "url": "https://example.com/hook"}
    headers = {"Authorization": f"Bearer {key}"}

    made = request(stack.url("/api/channels"), json_body=hook, headers=headers, method="POST")

    secret = made.json()["secret"]
    dump = stack.run(
        "exec", "-T", "db", "pg_dump", "--username", "stagewatch", "--table", "channels"
    )
    assert "sealed:" in dump
    assert secret not in dump
    # With the key it can be read.
    exported = stack.run("exec", "-T", "api", "stagewatch", "export", "--secrets")
    assert secret in exported


def test_redis_requires_the_password_and_refuses_administrative_commands(
    stack: Stack,
) -> None:
    assert "NOAUTH" in stack.run("exec", "-T", "redis", "redis-cli", "ping")
    for command in (["config", "set", "dir", "/data"], ["replicaof", "evil", "1"], ["flushall"]):
        assert "NOPERM" in stack.redis_cli(*command)
    assert stack.redis_cli("ping") == "PONG"


def test_a_password_is_changed_by_a_new_file_and_a_restart(stack: Stack, secrets: Path) -> None:
    before = (secrets / "database_password").read_text().strip()
    for name in ("database_password", "redis_password"):
        (secrets / name).unlink()
    secret_files.make(secrets)
    after = (secrets / "database_password").read_text().strip()

    stack.run("up", "--detach", "--force-recreate", "--wait")

    assert request(stack.url("/ready")).json()["status"] == "ready"
    assert stack.run("exec", "-T", "api", "python", "-c", CONNECT, after).strip() == "in"
    with pytest.raises(CommandFailed, match="InvalidPasswordError"):
        stack.run("exec", "-T", "api", "python", "-c", CONNECT, before)
    # And the exporters, which have it in files of their own.
    prometheus = "http://" + stack.run("port", "prometheus", "9090").strip()
    for figure in ("pg_up", "redis_up"):
        query = f"{prometheus}/api/v1/query?query={figure}==1"
        wait_for(
            lambda at=query: request(at).json()["data"]["result"],  # type: ignore[misc]  # a default
            seconds=60,
            what=figure,
        )


@pytest.mark.parametrize(
    ("password", "said"),
    [("stagewatch", "the example password"), ("too-short", "shorter than 16")],
)
def test_the_programs_refuse_example_passwords(
    stack: Stack, secrets: Path, tmp_path: Path, password: str, said: str
) -> None:
    (tmp_path / "database_password").write_text(password)
    [api] = stack.containers("api")
    image = docker("inspect", "--format", "{{.Config.Image}}", api).strip()

    for command in (["python", "-m", "app.server"], ["alembic", "upgrade", "head"]):
        with pytest.raises(CommandFailed, match=f"DATABASE_PASSWORD: .*{said}") as refused:
            docker(
                *("run", "--rm", "--env", "APP_ENV=production"),
                *("--env", "DATABASE_URL=postgresql://stagewatch@db/stagewatch"),
                *("--volume", f"{tmp_path}/database_password:/run/secrets/database_password:ro"),
                *(image, *command),
            )
        assert "Traceback" not in str(refused.value)
