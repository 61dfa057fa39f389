"""The program of `make run`, without Docker: a first start, and a second one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import ROOT


@contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program, and end it as Ctrl-C does; what it prints is in the file `said`."""
    environment = os.environ | {"PORT": str(port), "DATA_DIR": str(folder)}
    environment.pop("ALLOWED_NETWORKS", None)
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [sys.executable, "-m", "worker.local"],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return json.load(answer)


def wait_until(state: Any, *, seconds: float, process: subprocess.Popen[bytes]) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "it has ended"
        try:
            if found := state():
                return found
        except OSError:
            # It does not listen yet.
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def test_an_invalid_port_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker.local"],
        cwd=ROOT,
        env=os.environ | {"PORT": "http", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("stagewatch: PORT: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_program_monitors_itself_stops_cleanly_and_keeps_its_data(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with running(tmp_path, port) as process:
        wait_until(lambda: ask(port, "/health"), seconds=90, process=process)
        status = wait_until(
            lambda: (found := ask(port, "/api/status"))["state"] == "up" and found,
            seconds=20,
            process=process,
        )
        assert [monitor["name"] for monitor in status["monitors"]] == ["Stagewatch itself"]
        assert ask(port, "/ready")["status"] == "ready"

    assert process.returncode == 0
    said = (tmp_path / "said").read_text()
    assert f"http://localhost:{port}" in said
    assert "Instead of Redis" in said
    assert "Instead of Celery" in said
    assert "Traceback" not in said
    assert not (tmp_path / "postgres/postmaster.pid").exists(), "PostgreSQL still runs"

    with running(tmp_path, port) as process:
        wait_until(lambda: ask(port, "/health"), seconds=30, process=process)
        [monitor] = ask(port, "/api/monitors")["items"]
        assert monitor["checked_at"] is not None
