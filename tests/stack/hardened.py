"""What the tests of stage 12 read from running containers, from the outside."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy import secret_files
from tests.stack.support import Stack, docker, secrets_folder

# Secrets that only an operator can provide, with a marker to search for.
GIVEN = {
    "alert_webhook_url": "http://receiver.invalid:9/token-of-the-pager-4711",
    "smtp_url": "smtp://somebody:of-the-mail-4711@mail.invalid:25",
}


@contextmanager
def own_secrets(folder: Path) -> Iterator[Path]:
    """Make secrets in a folder of their own, which a test may change. The certificate is shared."""
    folder.mkdir(mode=0o700)
    shutil.copytree(secrets_folder() / "certs", folder / "certs")
    for name, value in GIVEN.items():
        (folder / name).write_text(value)
    secret_files.make(folder)
    yield folder


def values(folder: Path) -> dict[str, str]:
    """Return the secrets that must not be found anywhere, by name."""
    found = {path.name: path.read_text().strip() for path in folder.iterdir() if path.is_file()}
    # A copy, in JSON.
    found.pop("redis_exporter_passwords")
    return found


def containers(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return what the engine says of each container of a stack, ended ones too, by its service."""
    label = f"label=com.docker.compose.project={stack.name}"
    ids = docker("ps", "--all", "--quiet", "--filter", label).split()
    found = json.loads(docker("inspect", *ids))
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}


def processes(container: str, file: str) -> str:
    """Return /proc/PID/FILE of all processes of a container.

    From a container beside it, which shares its processes and nothing else: many images have no
    shell to ask.
    """
    # A process that ends meanwhile is not an error.
    script = f"cat /proc/[0-9]*/{file} 2>/dev/null || true"
    return docker(
        *("run", "--rm", "--pid", f"container:{container}", "--cap-add", "SYS_PTRACE"),
        *("--entrypoint", "sh", "nginx:1.30", "-c", script),
    )


def first_process(container: str) -> dict[str, str]:
    """Return the lines of /proc/1/status, by their names."""
    done = docker(
        *("run", "--rm", "--pid", f"container:{container}"),
        *("--entrypoint", "cat", "nginx:1.30", "/proc/1/status"),
    )
    lines = (line.partition(":") for line in done.splitlines())
    return {name: value.strip() for name, _, value in lines}
