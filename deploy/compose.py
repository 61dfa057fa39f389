"""Access to the project's containers, with `docker compose` and `docker`."""

import fcntl
import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """The command can't continue. The message tells the operator why."""


@dataclass(frozen=True)
class Container:
    """A container of a service. `release`: image and configuration, which a new one must have too.

    `health`: healthy, unhealthy, starting, or none if it has no health check.
    """

    id: str
    name: str
    release: tuple[str, str]
    running: bool
    health: str
    restarts: int


def say(line: str) -> None:
    """Print a step, with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)


def docker(*arguments: str, stdin: int | None = None) -> str:
    """Return what a docker command prints on both streams. Raises Failed."""
    return _run(["docker", *arguments], stdin=stdin)


def _run(command: list[str], *, stdin: int | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        # Ctrl-C reaches all processes of the terminal's group, and Compose has a handler for it.
        start_new_session=signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    )
    if done.returncode != 0:
        raise Failed(done.stdout.strip() or f"{shlex.join(command)}: exit code {done.returncode}")
    return done.stdout


def inspect(names: list[str]) -> list[Container]:
    """Return containers by name or id, the oldest first."""
    if not names:
        return []
    found = sorted(json.loads(docker("inspect", *names)), key=lambda each: str(each["Created"]))
    return [
        Container(
            id=each["Id"],
            name=each["Name"].lstrip("/"),
            release=(each["Image"], each["Config"]["Labels"]["com.docker.compose.config-hash"]),
            running=each["State"]["Running"],
            health=each["State"].get("Health", {"Status": "none"})["Status"],
            restarts=each["RestartCount"],
        )
        for each in found
    ]


class Project:
    """The Compose project: `command` is `docker compose` with its files."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def run(self, *arguments: str, stdin: int | None = None) -> str:
        """Return what `docker compose ARGUMENTS` prints. Raises Failed."""
        return _run([*self._command, *arguments], stdin=stdin)

    def name(self) -> str:
        """Return the project's name."""
        return str(self.config()["name"])

    def config(self) -> Any:
        """Return the configuration that Compose has made from the files."""
        return json.loads(self.run("config", "--format", "json"))

    def containers(self, service: str) -> list[Container]:
        """Return a service's containers, the oldest first, without those of `compose run`."""
        ids = self.run("ps", "--all", "--quiet", "--no-trunc", service).split()
        return inspect(ids)

    def release(self, service: str) -> tuple[str, str]:
        """Return the image and the configuration hash that a service's next container gets."""
        name = self.config()["services"][service]["image"]
        image = docker("image", "inspect", "--format", "{{.Id}}", name).strip()
        return image, self.run("config", "--hash", service).split()[-1]


def from_environment() -> Project:
    """Return the project of this clone; COMPOSE is set by `make` and by tests."""
    return Project(shlex.split(os.environ.get("COMPOSE") or "docker compose"))


@contextmanager
def alone(project: str) -> Iterator[None]:
    """Hold the lock for changes to a project. Raises Failed if another run holds it.

    The kernel releases it however its holder ends.
    """
    path = Path(tempfile.gettempdir()) / f"{project}.deploy.lock"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o444)
    except PermissionError:
        # It belongs to another user, who may be deploying now.
        descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Failed("another `make deploy` or `make restore` is running") from None
    finally:
        os.close(descriptor)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, a lost terminal and a plain `kill` within the block."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for up to `seconds`; return whether `holds` became true."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)
    return True
