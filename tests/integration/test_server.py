"""The HTTP server over real connections: what it refuses before a request is complete."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn

from app import http_limits, open_files
from app.listening import listening_sockets
from app.server import Server, server_config
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@contextmanager
def running(
    settings: Settings, *, behind_proxy: bool = False
) -> Iterator[tuple[uvicorn.Server, int]]:
    """Serve the application from a thread; yields the server and its port."""
    [listening] = listening_sockets(["127.0.0.1"], 0, shared=behind_proxy)
    with listening:
        config = server_config(settings, host="127.0.0.1", port=0)
        server = Server(config, behind_proxy=behind_proxy)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield server, listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """Serve the application from a thread; yields its port."""
    with running(settings) as (_, port):
        yield port


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    with serving(settings) as port:
        yield port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def ask(port: int, request: bytes) -> bytes:
    """Return all that comes back until the server closes."""
    with connected(port) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        # Closed while more data arrived; the response has been read by then.
        pass
    return received


def test_head_has_no_body_and_the_connection_goes_on(port: int) -> None:
    head = HEALTH.replace(b"GET", b"HEAD") + b"\r\n"

    answers = ask(port, head + HEALTH + b"Connection: close\r\n\r\n")

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.count(b'{"status":"ok"}') == 1


@pytest.mark.parametrize(
    "head",
    [
        HEALTH + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n",
        HEALTH + b"X-Unfinished: " + b"x" * 40_000,
        HEALTH + b"".join(b"X-%d: x\r\n" % number for number in range(101)) + b"\r\n",
        b"GET /" + b"x" * 40_000,
    ],
    ids=["long", "unfinished", "many", "target"],
)
def test_a_request_head_is_limited(port: int, head: bytes) -> None:
    answer = ask(port, head)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "start",
    [b"X-Long: ", b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Long: "],
    ids=["header", "trailer"],
)
def test_reading_stops_at_an_endless_request_head(port: int, start: bytes) -> None:
    sent = 0
    with connected(port) as connection:
        connection.sendall(HEALTH + start)
        with pytest.raises(OSError):  # noqa: PT012  (the write that fails is one of many)
            for _ in range(1000):
                connection.sendall(b"x" * 100_000)
                sent += 100_000

    assert sent < 20_000_000


def test_a_request_that_is_not_http_gets_problem_details(port: int) -> None:
    answer = ask(port, b"nonsense\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("said", [b"", b"GET /hea", HEALTH, HEALTH + b"Content-Length: 9\r\n\r\n"])
def test_a_connection_that_falls_silent_is_closed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(http_limits, "REQUEST_SECONDS", 0.2)

    with serving(settings) as port:
        answer = ask(port, said)

    assert (b"408" in answer) == (said in (b"GET /hea", HEALTH))


def test_bytes_that_trickle_do_not_keep_it_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "REQUEST_SECONDS", 0.3)

    with serving(settings) as port, connected(port) as connection:
        connection.sendall(HEALTH)
        closed = threading.Event()

        def trickle() -> None:
            try:
                while not closed.wait(0.05):
                    connection.sendall(b"X")
            except OSError:
                # The server has closed it, as expected.
                pass

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answer = read_all(connection)
        finally:
            closed.set()
            thread.join()

    assert answer == b"" or b" 408 " in answer


def test_a_client_that_does_not_read_is_disconnected(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "SEND_SECONDS", 0.2)

    with running(settings) as (server, port), connected(port) as connection:
        # More than the kernel buffers for both ends.
        connection.sendall((HEALTH.replace(b"/health", b"/openapi.json") + b"\r\n") * 5000)
        wait_until(lambda: len(server.server_state.connections) == 1)

        wait_until(lambda: not server.server_state.connections)


def test_silent_connections_do_not_keep_others_out(settings: Settings) -> None:
    with (
        serving(settings.model_copy(update={"max_connections": 10})) as port,
        ExitStack() as silent,
    ):
        connections = [silent.enter_context(connected(port)) for _ in range(30)]

        answer = ask(port, HEALTH + b"Connection: close\r\n\r\n")

        assert answer.startswith(b"HTTP/1.1 200 OK")
        # The oldest connection is closed first.
        assert read_all(connections[0]) == b""


def test_connections_leave_files_for_the_rest_of_the_program(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "raise_file_limit", lambda: 20)
    with running(settings) as (server, port), ExitStack() as silent:
        for _ in range(30):
            silent.enter_context(connected(port))

        answer = ask(port, HEALTH + b"Connection: close\r\n\r\n")

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert len(server.server_state.connections) <= 10


@pytest.mark.parametrize(
    ("trusted", "clients"), [("", 1), ("127.0.0.1", 3), ("localhost", 3), ("10.0.0.0/8", 1)]
)
def test_only_a_trusted_proxy_names_clients(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, trusted: str, clients: int
) -> None:
    seen = set()
    # The application reads its settings itself.
    monkeypatch.setenv("TRUSTED_PROXIES", trusted)
    with serving(settings) as port:
        for number in range(3):
            said = b"Connection: close\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n" % number
            answer = ask(port, HEALTH.replace(b"/health", b"/api/nothing") + said)
            [left] = [line for line in answer.split(b"\r\n") if b"ratelimit-remaining" in line]
            seen.add(left)

    # Another client has all its requests left except this one.
    assert len(seen) == (1 if clients == 3 else 3)


def answer_on(connection: socket.socket, request: bytes) -> bytes:
    """Return the head of the answer to a request on a connection that may stay open."""
    connection.sendall(request)
    received = b""
    while b"}" not in received:
        piece = connection.recv(65536)
        assert piece, "closed without an answer"
        received += piece
    return received.partition(b"\r\n\r\n")[0]


def test_when_stopping_behind_a_proxy_open_connections_get_one_more_answer(
    settings: Settings,
) -> None:
    patient = settings.model_copy(update={"shutdown_seconds": 600})
    with running(patient, behind_proxy=True) as (server, port), ExitStack() as clients:
        used, unused, new = (clients.enter_context(connected(port)) for _ in range(3))
        for connection in (used, unused):
            assert b"connection: close" not in answer_on(connection, HEALTH + b"\r\n")
        wait_until(lambda: len(server.server_state.connections) == 3)

        server.should_exit = True
        wait_until(lambda: not server.servers[0].is_serving())

        with pytest.raises(ConnectionRefusedError):
            connected(port)
        assert len(server.server_state.connections) == 3
        for connection in (used, new):
            assert b"connection: close" in answer_on(connection, HEALTH + b"\r\n")
            assert read_all(connection) == b""
        unused.close()
        wait_until(lambda: not server.server_state.connections)


def test_stopping_behind_a_proxy_answers_every_accepted_connection(settings: Settings) -> None:
    over = threading.Event()
    outcomes: Counter[str] = Counter()

    def come(port: int) -> None:
        """Send one request per connection, as a proxy without keep-alive does."""
        while not over.is_set():
            try:
                connection = socket.create_connection(("127.0.0.1", port), timeout=0.3)
            except OSError:
                outcomes["elsewhere"] += 1
                continue
            with connection:
                connection.settimeout(20)
                request = HEALTH + b"Connection: close\r\n\r\n"
                try:
                    connection.sendall(request)
                    answer = read_all(connection)
                except OSError:
                    answer = b""
                outcomes["answered" if answer.startswith(b"HTTP/1.1 200") else "lost"] += 1

    with running(settings, behind_proxy=True) as (server, port):
        visitors = [threading.Thread(target=come, args=(port,)) for _ in range(8)]
        for visitor in visitors:
            visitor.start()
        wait_until(lambda: outcomes["answered"] > 200)
        server.should_exit = True
        wait_until(lambda: outcomes["elsewhere"] > 50)
        over.set()
        for visitor in visitors:
            visitor.join()

    assert outcomes["lost"] == 0


def test_the_servers_process_logs_a_line_for_a_request_and_ends_when_asked(
    settings: Settings,
) -> None:
    code = "import app.server as s; s.PORT = 0; s.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = (json.loads(line) for line in process.stdout)
            running = next(line for line in lines if "Listening on 0.0.0.0" in line["event"])
            port = int(running["event"].split()[-1])
            ask(port, HEALTH.replace(b"/health", b"/health?secret") + b"Connection: close\r\n\r\n")
            logged = next(line for line in lines if "/health" in line["event"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)

    assert "secret" not in str(logged)
    assert process.returncode in {0, -signal.SIGTERM}
