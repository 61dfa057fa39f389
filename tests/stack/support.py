"""Real containers for the tests: Compose projects with separate names, and waiting."""

import atexit
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache, cached_property
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from testcontainers.compose import DockerCompose

from deploy import certificate, secret_files

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
# Variables for ports of this machine. With 0 Docker takes a free one.
PORTS = ("HTTP_PORT", "HTTPS_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")
# The ports of Nginx, the API or Flask in their containers, the preferred one first.
SERVING = (443, 80, 8000, 5000)
STAGE = max(path.stem for path in (ROOT / "compose").glob("[0-9][0-9].yml"))


@cache
def secrets_folder() -> Path:
    """Return a folder of secrets and a certificate that this process's stacks share.

    A developer's own are left alone.
    """
    folder = Path(tempfile.mkdtemp(prefix="stagewatch-secrets-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    secret_files.make(folder)
    certificate.make(folder / "certs")
    return folder


def trusting(folder: Path | None = None) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificate in a folder of secrets, and no other."""
    return ssl.create_default_context(cafile=(folder or secrets_folder()) / "certs/fullchain.pem")


@dataclass(frozen=True)
class Answer:
    """What an HTTP request brought: also for error codes, which are not raised here.

    Headers have their names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    url: str,
    *,
    method: str = "GET",
    json_body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """One HTTP request. Raises OSError when nothing answers, or not in time (seconds)."""
    data = None if json_body is None else json.dumps(json_body).encode()
    headers = ({"Content-Type": "application/json"} if data else {}) | dict(headers or {})
    made = urllib.request.Request(url, data=data, headers=headers, method=method)
    if context is None and url.startswith("https:"):
        context = trusting()
    try:
        with urllib.request.urlopen(made, timeout=timeout, context=context) as response:
            return Answer(response.status, _lower(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def connect(url: str) -> HTTPConnection:
    """Return a connection to where a URL points, for what `request` has no way to ask."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return HTTPSConnection(parts.netloc, timeout=10, context=trusting())
    return HTTPConnection(parts.netloc, timeout=10)


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def wait_for(state: Callable[[], T], *, seconds: float = 60, what: str = "") -> T:
    """Return the first truthy value of `state`, asked again until `seconds` are over.

    An OSError counts as "not yet": a server that is starting refuses connections.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            if value := state():
                return value
            last = value
        except OSError as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what or state}; last seen: {last!r}")


class CommandFailed(OSError):
    """A docker command ended with an error; its output is the message."""


def docker(*arguments: str, check: bool = True, timeout: float = 120) -> str:
    """Return what a docker command prints on both streams. Raises CommandFailed."""
    done = subprocess.run(
        ["docker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(f"docker {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def freeze(container: str) -> None:
    """Stop one of our programs where it is: it is there, holds what it has, and does nothing.

    Not by `docker kill --signal STOP`, which stops the first process alone.
    """
    docker("exec", container, "sh", "-c", "kill -STOP -1")


def thaw(container: str) -> None:
    """Let a frozen program go on."""
    docker("exec", container, "sh", "-c", "kill -CONT -1")


@contextmanager
def built_image(name: str, root: Path = ROOT) -> Iterator[str]:
    """Build the stage's image as its guide says; its tag is removed at the end of the block."""
    tag = f"{name}:test-{uuid.uuid4().hex[:8]}"
    docker("build", "--tag", tag, str(root), timeout=600)
    try:
        yield tag
    finally:
        docker("rmi", "--force", tag)


class Stack(DockerCompose):
    """A stage's Compose project under a random name, on a free port, removed at the end.

        with Stack(env={"RATE_LIMIT_PER_MINUTE": "5"}) as stack:
            request(stack.url("/health"))

    `files`: Compose files, from the folder `root`; by default the stage's own two.
    `env`: variables for interpolation. `name`: a project to share, as an upgrade does.
    """

    def __init__(
        self,
        *,
        files: list[str] | None = None,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
        root: Path = ROOT,
        up: tuple[str, ...] = (),
        keep_volumes: bool = False,
    ) -> None:
        super().__init__(context=root, compose_file_name=files, keep_volumes=keep_volumes)
        stage = max(path.stem for path in (root / "compose").glob("[0-9][0-9].yml"))
        if files is None:
            self.compose_file_name = ["compose/base.yml", f"compose/{stage}.yml"]
        self.name = name or f"stagewatch-test-{uuid.uuid4().hex[:8]}"
        # The project's name is in it, so projects do not overwrite each other's.
        self.image = f"{self.name}:stage-{stage}"
        # Without keys, which have tests of their own.
        own = {"SECRETS_FOLDER": str(secrets_folder()), "API_KEYS": "off"}
        self.env = dict.fromkeys(PORTS, "0") | own | dict(env or {})
        self.up = up

    @cached_property
    def compose_command_property(self) -> list[str]:
        # The variables go on the command line, so that a developer's .env plays no part.
        variables = [f"{name}={value}" for name, value in self.env.items()]
        files = [part for name in self.compose_file_name or [] for part in ("-f", name)]
        nothing = ["--env-file", "/dev/null"]
        return ["env", *variables, "docker", "compose", "-p", self.name, *nothing, *files]

    def run(self, *arguments: str, check: bool = True, timeout: float = 300) -> str:
        """Return what `docker compose ARGUMENTS` prints for this project, on both streams."""
        done = subprocess.run(
            [*self.compose_command_property, *arguments],
            cwd=self.context,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandFailed(f"compose {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self) -> None:
        # An image that is named comes from a registry.
        build = "--no-build" if "STAGEWATCH_IMAGE" in self.env else "--build"
        self.run("up", "--detach", build, "--quiet-pull", *self.up)

    def stop(self, down: bool = True) -> None:  # noqa: FBT002  # as inherited
        volumes = ["--volumes"] if down else []
        self.run("down", "--remove-orphans", "--timeout", "10", *volumes)
        docker("rmi", "--force", self.image, check=False)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            print(self.run("ps", "--all", check=False), file=sys.stderr)
            print(self.run("logs", "--tail", "80", check=False), file=sys.stderr)
        self.stop(not self.keep_volumes)

    def url(self, path: str) -> str:
        """Return the URL of a path where the stack is reached: over TLS, if it has that.

        Raises OSError as long as none is.
        """
        lines = self.run("ps", "--format", "json").splitlines()
        ports = {
            (SERVING.index(each["TargetPort"]), f"{each['URL']}:{each['PublishedPort']}")
            for line in lines
            if line.startswith("{")
            for each in json.loads(line)["Publishers"] or ()
            if each["PublishedPort"] and each["TargetPort"] in SERVING
        }
        best = [port for place, port in ports if place == min(ports)[0]]
        if len(best) != 1:
            raise OSError(f"published: {sorted(ports)}")
        return f"{'https' if SERVING[min(ports)[0]] == 443 else 'http'}://{best[0]}{path}"

    def redis_cli(self, *arguments: str) -> str:
        """Return what `redis-cli ARGUMENTS` prints in Redis' container, which has the password."""
        script = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password 2>/dev/null) redis-cli "$@"'
        return self.run("exec", "-T", "redis", "sh", "-c", script, "sh", *arguments).strip()

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers, stopped ones too."""
        return self.run("ps", "--all", "--quiet", service).split()
