"""A real Celery worker in another process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from tests.services import ROOT, query


def wait_for(state: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


@contextmanager
def worker(
    folder: Path,
    database_url: str,
    redis_url: str = "redis://127.0.0.1:1/0",
    preexec: Callable[[], object] | None = None,
    location: str = "",
) -> Iterator[subprocess.Popen[bytes]]:
    """`celery worker` as compose/07.yml starts it; its log is in `log`."""
    command = [sys.executable, "-m", "celery", "--app", "worker.app", "worker", "--pool", "solo"]
    command += ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALLOWED_NETWORKS": "127.0.0.0/8",
        "LOCATION": location,
        "TMPDIR": str(folder),
    }
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=preexec,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def is_well(folder: Path) -> bool:
    command = [sys.executable, "-m", "worker.health", "worker"]
    environment = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def said(folder: Path, text: str) -> bool:
    return text in (folder / "log").read_text()


def add(client: TestClient, url: str, number: int, **config: object) -> None:
    for count in range(number):
        body = {"name": f"{count}", "kind": "http", "url": url, "interval_seconds": 5} | config
        assert client.post("/api/monitors", json=body).status_code == 201


def copy(database_url: str, name: str, number: int) -> None:
    """Add copies of a monitor, a thousand of them in a moment."""
    columns = "name, kind, spec, interval_seconds, timeout_seconds, confirmations"
    query(
        database_url,
        f"""
        WITH m AS (
            INSERT INTO monitors ({columns})
            SELECT {columns} FROM monitors, generate_series(1, {number})
            WHERE name = '{name}' RETURNING id
        ), s AS (INSERT INTO states (monitor_id) SELECT id FROM m)
        INSERT INTO schedule (monitor_id) SELECT id FROM m
        """,
    )
