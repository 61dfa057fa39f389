"""Real servers for the tests: containers if an engine answers, otherwise local processes."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer

from app.local_postgres import local_postgres

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def postgres(folder: Path, *, containers: bool) -> Iterator[str]:
    """Start a PostgreSQL, without `containers` the wheel's in `folder`; yields its address."""
    if containers:
        # The data is temporary, so nothing needs to reach the disk.
        with PostgresContainer("postgres:18", driver=None).with_command("-c fsync=off") as server:
            yield server.get_connection_url()
    else:
        with local_postgres(folder, keep=False) as url:
            yield url


def migrate(url: str, *arguments: str) -> str:
    """Run `alembic upgrade head`, or with the given arguments, as a stage's container does."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *(arguments or ("upgrade", "head"))],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def create_database(url: str, name: str, *, template: str = "template0") -> str:
    """Make a database on the server at `url`, anew if it is there; return its address."""
    query(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    query(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def query(url: str, statement: str) -> list[dict[str, Any]]:
    """Return the rows of one statement, over a new connection."""

    async def run() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(run())


@contextmanager
def redis(folder: Path, *, containers: bool) -> Iterator[str]:
    """Start a Redis, without `containers` a redis-server on the path; yields its address."""
    if containers:
        with RedisContainer("redis:8") as server:
            yield f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}"
        return
    socket = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 10
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            yield f"unix://{socket}"
        finally:
            process.terminate()
