"""Stage 10: one log format, request ids, and rotation."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.support import Stack, docker, request, wait_for

# The services needed here; the others start with them.
NEEDED = ("nginx", "worker", "beat")
ENV = {"ALLOWED_HOSTS": "localhost,nginx", "LOG_MAX_SIZE": "50k", "LOG_MAX_FILES": "2"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(env=ENV, up=("--wait", *NEEDED)) as stack:
        yield stack


def lines(stack: Stack, service: str) -> list[dict[str, Any]]:
    """Return what a service has logged on standard output; Nginx's error log is text."""
    text = stack.run("logs", "--no-log-prefix", "--no-color", service)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def lines_of(stack: Stack, request_id: str, service: str) -> list[dict[str, Any]]:
    return [line for line in lines(stack, service) if line.get("request_id") == request_id]


@pytest.mark.parametrize("service", ["api", "worker", "beat", "migrate", "nginx"])
def test_a_line_is_an_object_with_the_same_fields_everywhere(stack: Stack, service: str) -> None:
    request(stack.url("/health"))

    found = wait_for(lambda: lines(stack, service), what="a line in the log")

    for line in found:
        assert line["service"] == service
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["time"])
        assert line["level"] in {"debug", "info", "warning", "error"}
        assert line["event"]
    text = stack.run("logs", "--no-log-prefix", "--no-color", service)
    others = [line for line in text.splitlines() if line and not line.startswith("{")]
    assert [line for line in others if "[notice]" not in line] == []


def test_a_request_is_logged_in_one_line_by_nginx(stack: Stack) -> None:
    request(stack.url("/api/status?key=a-secret"), headers={"X-Request-ID": "only-one-line"})
    request(stack.url("/ping/a-secret"), headers={"X-Request-ID": "line-of-a-ping"})

    (line,) = wait_for(lambda: lines_of(stack, "only-one-line", "nginx"), what="Nginx's line")
    assert (line["level"], line["event"]) == ("info", "GET /api/status 200")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/status", 200)
    assert isinstance(line["duration_ms"], int)
    (ping,) = wait_for(lambda: lines_of(stack, "line-of-a-ping", "nginx"), what="the ping's line")
    assert ping["path"] == "/ping/…"
    assert lines_of(stack, "only-one-line", "api") == []
    assert lines_of(stack, "line-of-a-ping", "api") == []


@pytest.mark.parametrize("seconds", [0, 0.05, 0.2, 1.05])
def test_how_long_a_request_took_is_a_whole_number_of_milliseconds(
    stack: Stack, seconds: float
) -> None:
    name = f"a-body-after-{seconds}"
    # Nginx counts from a request's first byte; a body that comes late makes it slow.
    script = (
        "import socket, ssl, time\n"
        "context = ssl._create_unverified_context()\n"
        "asked = context.wrap_socket(socket.create_connection(('nginx', 443)))\n"
        "asked.sendall(b'POST /api/monitors HTTP/1.1\\r\\nHost: nginx\\r\\n'\n"
        "  b'Connection: close\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\n'\n"
        f"  b'X-Request-ID: {name}\\r\\n\\r\\n')\n"
        f"time.sleep({seconds})\n"
        "asked.sendall(b'{}')\n"
        "asked.recv(1000)\n"
    )
    stack.run("exec", "-T", "worker", "python", "-c", script)

    (line,) = wait_for(lambda: lines_of(stack, name, "nginx"), what="Nginx's line")

    assert line["status"] == 422
    assert line["duration_ms"] >= seconds * 1000


def test_a_request_is_found_again_in_the_lines_of_the_worker(stack: Stack) -> None:
    channel = {"name": "Hook", "kind": "webhook", "url": "http://192.0.2.1/"}
    made = request(stack.url("/api/channels"), method="POST", json_body=channel).json()
    url = stack.url(f"/api/channels/{made['id']}/test")
    request(url, method="POST", headers={"X-Request-ID": "find-me-in-the-worker"})

    def in_worker() -> list[dict[str, Any]]:
        return lines_of(stack, "find-me-in-the-worker", "worker")

    line = wait_for(in_worker, what="the worker's line")[0]
    assert line["channel_id"] == made["id"]
    assert line["event"].startswith("notification ")


def test_a_log_that_grows_past_its_limit_loses_its_beginning(stack: Stack) -> None:
    # 500 kB into two files of 50 kB. Docker keeps what the first process's output gets.
    write = "open('/proc/1/fd/1', 'w').write(('x' * 999 + '\\n') * 500)"
    stack.run("exec", "-T", "beat", "python", "-c", write)

    text = stack.run("logs", "--no-log-prefix", "beat")

    assert 0 < text.count("x" * 999) <= 100


def test_every_service_has_a_limit_for_its_log(stack: Stack) -> None:
    services = json.loads(stack.run("--profile", "*", "config", "--format", "json"))["services"]

    limits = {name: service["logging"]["options"] for name, service in services.items()}

    assert len(limits) >= len(NEEDED)
    for name, limit in limits.items():
        assert limit == {"max-size": "50k", "max-file": "2"}, name
    for name in NEEDED:
        [container] = stack.containers(name)
        template = "{{json .HostConfig.LogConfig.Config}}"
        assert json.loads(docker("inspect", "--format", template, container)) == limits[name]


def test_the_console_log_format_is_plain_text(stack: Stack) -> None:
    again = Stack(name=stack.name, env=ENV | {"LOG_FORMAT": "console"})
    again.run("up", "--detach", "--wait", "--no-deps", "nginx", "api", "beat")
    request(stack.url("/health"), headers={"X-Request-ID": "for-people"})

    assert re.search(r'"GET /health" 200 \d+ B .* id=for-people', stack.run("logs", "nginx"))
    for service in ("nginx", "api", "beat"):
        assert lines(stack, service) == []
