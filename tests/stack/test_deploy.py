"""Stage 12: rolling updates under load, 200 requests and 200 checks a second."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from tests.stack.support import ROOT, Stack, docker, request, trusting, wait_for

REQUESTS_A_SECOND = 200
MONITORS = 1000
INTERVAL = 5
# Connections of the load's clients. They stay open, as those of browsers and of jobs do.
CLIENTS = 40


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    env = {
        "ALLOWED_HOSTS": "localhost,nginx",
        "ALLOWED_NETWORKS": "172.16.0.0/12,192.168.0.0/16,10.0.0.0/8",
        "CLIENT_REQUESTS_PER_SECOND": "2000",
        "PING_LIMIT_PER_MINUTE": "6000",
        "RATE_LIMIT_PER_MINUTE": "1000000",
    }
    with Stack(env=env, up=("--wait", "nginx", "worker", "beat")) as stack:
        yield stack


@pytest.fixture(scope="module")
def url(stack: Stack) -> str:
    return stack.url("")


def deploying(stack: Stack, *options: str) -> subprocess.Popen[str]:
    """Begin what `make deploy IMAGE=…` does."""
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.rolling", *options],
        cwd=ROOT,
        env=os.environ | {"COMPOSE": " ".join(stack.compose_command_property)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def deploy(stack: Stack, *options: str) -> tuple[int, str]:
    """Do what `make deploy IMAGE=…` does; return its exit code and what it prints."""
    with deploying(stack, *options) as process:
        printed, _ = process.communicate(timeout=300)
    return process.returncode, printed


@contextmanager
def release(stack: Stack, name: str, *lines: str) -> Iterator[str]:
    """Make an image from the stack's and some lines of a Dockerfile; yields its name."""
    image = f"{stack.name}:{name}"
    parts = [f"FROM {stack.image}", "USER 0", *lines, "USER 10001:10001"]
    dockerfile = "\n".join(parts).encode()
    command = ["docker", "build", "--quiet", "--tag", image, "-"]
    subprocess.run(command, input=dockerfile, check=True, capture_output=True)
    try:
        yield image
    finally:
        docker("rmi", "--force", image)


def ids(stack: Stack) -> dict[str, list[str]]:
    return {name: stack.containers(name) for name in ("api", "worker", "beat", "nginx")}


def sql(stack: Stack, statement: str) -> list[str]:
    psql = ("psql", "--username", "stagewatch", "-qAtX", "-c", statement)
    return stack.run("exec", "-T", "db", *psql).splitlines()


@dataclass
class Load:
    """Requests at a steady rate from clients that keep their connections open.

    `outcomes`: how often a request ended how, as "POST /api/monitors 201". `created`: monitors
    that the API says it has made.
    """

    url: str
    token: str
    outcomes: Counter[str] = field(default_factory=Counter)
    created: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()
        wait_for(lambda: self.outcomes.total() > REQUESTS_A_SECOND, what="the load")
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    async def _client(self, number: int) -> None:
        connection: Connection | None = None
        begin = time.monotonic() + number / REQUESTS_A_SECOND
        turn = 0
        while not self.over.is_set():
            await asyncio.sleep(begin + turn * CLIENTS / REQUESTS_A_SECOND - time.monotonic())
            method, path, body = self._request(number + turn)
            turn += 1
            name = path.replace(self.token, "TOKEN")
            try:
                connection = connection or await Connection.open(self.url)
                status, answer = await asyncio.wait_for(connection.ask(method, path, body), 30)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.outcomes[f"{method} {name} {error!r}"] += 1
                if connection:
                    await connection.close()
                connection = None
                continue
            self.outcomes[f"{method} {name} {status}"] += 1
            if status == 201:
                self.created.append(json.loads(answer)["id"])
        if connection:
            await connection.close()

    def _request(self, number: int) -> tuple[str, str, Any]:
        job = {"name": "Made under load", "kind": "heartbeat", "period_seconds": 86400}
        return [
            ("GET", "/api/monitors?limit=1", None),
            ("POST", f"/ping/{self.token}", None),
            ("GET", "/time", None),
            ("POST", f"/ping/{self.token}", None),
            ("GET", "/api/incidents?limit=1", None),
            ("POST", f"/ping/{self.token}", None),
            ("GET", "/api/channels?limit=1", None),
            ("POST", "/api/monitors", job | {"grace_seconds": 60}),
        ][number % 8]


class Connection:
    """An HTTP/1.1 connection that never retries: a retry would hide a failure."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        parts = urlsplit(url)
        tls = trusting() if parts.scheme == "https" else None
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, ssl=tls))

    async def ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        data = b"" if body is None else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if data else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}"
        self._writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        received = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(received.split()[1])
        if "transfer-encoding: chunked" not in received:
            length = int(received.partition("content-length:")[2].split("\r\n")[0])
            return status, await self._reader.readexactly(length)
        answer = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            answer += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return status, answer

    async def close(self) -> None:
        self._writer.close()
        # A broken connection may raise once more.
        with suppress(OSError):
            await self._writer.wait_closed()


def heartbeat(url: str) -> str:
    """Return the token of a new monitor that waits for a job."""
    body = {"name": "Job", "kind": "heartbeat", "period_seconds": 3600, "grace_seconds": 60}
    return str(request(f"{url}/api/monitors", method="POST", json_body=body).json()["token"])


def refused(stack: Stack) -> str:
    """Return the first lines of Nginx's logs that tell of requests that failed."""
    lines = stack.run("logs", "--no-log-prefix", "nginx").splitlines()
    return "\n".join([line for line in lines if '"status":5' in line or "[error]" in line][:40])


def failed(load: Load) -> dict[str, int]:
    good = ("200", "201", "204")
    return {name: number for name, number in load.outcomes.items() if not name.endswith(good)}


@contextmanager
def watched(stack: Stack, url: str) -> Iterator[Callable[[], int]]:
    """Have a thousand monitors checked every five seconds; yields how many checks are stored."""
    site = f"{stack.name}-site"
    docker(
        *("run", "--detach", "--name", site, "--network", f"{stack.name}_default"),
        *("--network-alias", "site", "nginx:1.30"),
    )
    monitor = {"kind": "http", "url": "http://site/", "interval_seconds": INTERVAL}
    monitors = [monitor | {"name": f"Site {n}", "timeout_seconds": 3} for n in range(MONITORS)]
    body: dict[str, Any] = {"monitors": monitors}
    answer = request(f"{url}/api/monitors/bulk", method="POST", json_body=body, timeout=60)
    assert answer.status == 201, answer.body
    made = [each["id"] for each in answer.json()["items"]]

    def stored() -> int:
        return int(sql(stack, "SELECT count(*) FROM checks WHERE ok")[0])

    wait_for(lambda: stored() > 3 * MONITORS, seconds=60, what="every monitor to be checked")
    try:
        yield stored
    finally:
        body = {"action": "delete", "ids": made}
        request(f"{url}/api/monitors/actions", method="POST", json_body=body, timeout=60)
        docker("rm", "--force", site)


# Slots of five seconds in which a monitor had no check, from a moment on to its last one. A check
# that was given back and made by another worker is a little later, but in its slot. A monitor's
# first, which comes at once and not in a slot, is before that moment.
MISSED = f"""
    WITH sites AS (
        SELECT c.monitor_id, c.ok, extract(epoch FROM c.scheduled_at) AS moment
        FROM checks c JOIN monitors m ON m.id = c.monitor_id AND m.kind = 'http'
        WHERE c.scheduled_at > to_timestamp(%s)
    ), phases AS (
        SELECT monitor_id, mode() WITHIN GROUP (ORDER BY round(moment %% {INTERVAL}, 3)) AS phase
        FROM sites GROUP BY 1
    ), slots AS (
        SELECT monitor_id, ok, floor((moment - phase + 0.01) / {INTERVAL}) AS slot
        FROM sites JOIN phases USING (monitor_id)
    )
    SELECT count(*), coalesce(sum(wanted - made), 0), coalesce(sum(failed), 0) FROM (
        SELECT monitor_id, max(slot) - min(slot) + 1 AS wanted, count(DISTINCT slot) AS made,
            count(*) FILTER (WHERE NOT ok) AS failed
        FROM slots GROUP BY 1
    ) AS each
"""


def test_no_request_fails_and_no_check_is_missed_while_a_release_is_deployed(
    stack: Stack, url: str
) -> None:
    before = ids(stack)
    token = heartbeat(url)
    with (
        watched(stack, url) as stored,
        release(stack, "next", "LABEL release=next") as image,
        Load(url, token) as load,
    ):
        [moment] = sql(stack, "SELECT extract(epoch FROM now())")
        begin, asked = time.monotonic(), load.outcomes.total()
        code, said = deploy(stack, "--image", image)
        seconds, answered = time.monotonic() - begin, load.outcomes.total() - asked
        checked = stored()
        # And a while later, when Nginx asks for the name again.
        wait_for(lambda: stored() > checked + 2 * MONITORS, seconds=60, what="checks to go on")
        over = sql(stack, MISSED % moment)
    after = ids(stack)

    print(said, f"{seconds:.0f} s, {answered} requests", load.outcomes, sep="\n")
    print(refused(stack))
    assert code == 0, said
    assert failed(load) == {}
    monitors, missed, wrong = over[0].split("|")
    assert (monitors, missed, wrong) == (str(MONITORS), "0", "0")
    # No monitor was created twice.
    made = sql(stack, "SELECT count(*) FROM monitors WHERE name = 'Made under load'")
    assert made == [str(len(load.created))]
    for service in ("api", "worker", "beat"):
        assert not set(before[service]) & set(after[service])
        labels = docker("inspect", "-f", "{{.Config.Labels.release}}", *after[service])
        assert labels.split() == ["next"]
    assert before["nginx"] == after["nginx"]


def test_a_deploy_that_is_killed_is_finished_by_the_next_one(stack: Stack, url: str) -> None:
    with (
        release(stack, "killed", "LABEL release=killed") as image,
        Load(url, heartbeat(url)) as load,
    ):
        with deploying(stack, "--image", image) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if "starting the new release of api" in line)
            # No second deploy may run meanwhile.
            other, refusal = deploy(stack, "--image", image)
            process.kill()
        code, said = deploy(stack, "--image", image)
        again, unchanged = deploy(stack, "--image", image)

    assert (other, code, again) == (1, 0, 0), said
    assert "another `make deploy` or `make restore` is running" in refusal
    assert "stopping" not in unchanged
    assert failed(load) == {}, refused(stack)
    for containers in ids(stack).values():
        assert len(containers) == 1


CRASHES = 'CMD ["python", "-c", "raise SystemExit(\'no such setting: SPEED\')"]'
SILENT = 'CMD ["python", "-c", "import time; print(\'waiting\', flush=True); time.sleep(999)"]'
# Alive but unable to serve, which a check for an open port would not detect.
WRONG = """
RUN printf '%s\\n' \\
    'import http.server, sys' \\
    'class Handler(http.server.BaseHTTPRequestHandler):' \\
    '    def do_GET(self):' \\
    '        self.send_response(200 if self.path == "/health" else 500)' \\
    '        self.end_headers()' \\
    'http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()' > wrong.py
CMD ["python", "wrong.py"]
"""

BAD = {
    "crashes": (CRASHES, "no such setting: SPEED"),
    "is silent": (SILENT, "waiting"),
    "answers 500": (WRONG, "/ready answers 500"),
    "has no engine": ("RUN rm worker/engine.py", "worker.engine"),
    "can't migrate": (
        "RUN echo 'raise SystemExit(\"a migration fails\")' >> migrations/env.py",
        "a migration fails",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_release_leaves_the_old_one_serving_and_says_why(
    stack: Stack, url: str, name: str
) -> None:
    before = ids(stack)
    lines, reason = BAD[name]
    with release(stack, "bad", lines) as image, Load(url, heartbeat(url)) as load:
        code, said = deploy(stack, "--image", image, "--patience", "20")

    assert code == 1, said
    assert "NOT deployed: " in said
    assert reason in said
    assert failed(load) == {}, refused(stack)
    assert ids(stack) == before
    assert image not in docker("ps", "--all", "--format", "{{.Image}}").split()
