"""Clients of /api/events on real connections."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import uvicorn

from app.main import create_app
from app.server import server_config
from app.settings import Settings


@contextmanager
def running(settings: Settings) -> Iterator[tuple[uvicorn.Server, int]]:
    """Serve the application with these settings; yields the server and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = server_config(
            settings,
            host="127.0.0.1",
            port=0,
            application=lambda: create_app(settings),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield server, listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


Received = tuple[str, dict[str, Any]]


class EventClient:
    """Reads events one by one; `head` is the answer's, up to the empty line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lines = connection.makefile("rb")
        self.head = b""
        while (line := self._lines.readline()) not in (b"\r\n", b""):
            self.head += line
        self.comments = 0

    def __iter__(self) -> Iterator[Received]:
        """Events until the server ends the stream. Uvicorn's chunks end with events' lines."""
        kind = ""
        for line in self._lines:
            if line.startswith(b"event: "):
                kind = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                yield kind, json.loads(line[6:])
            elif line.startswith(b":"):
                self.comments += 1

    def next(self, *kinds: str) -> Received:
        """Return the next event, of one of these kinds if some are given."""
        for kind, data in self:
            if not kinds or kind in kinds:
                return kind, data
        raise AssertionError("the stream has ended")

    def ended(self) -> bool:
        """Whether the stream ends, after data that is still on its way."""
        for _ in self:
            pass
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.connection.close()


@contextmanager
def streaming(
    port: int, query: str = "", method: str = "GET", headers: Mapping[str, str] | None = None
) -> Iterator[EventClient]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        fields = {"Host": "localhost"} | dict(headers or {})
        lines = [f"{method} /api/events{query} HTTP/1.1", *map(": ".join, fields.items()), "", ""]
        request = "\r\n".join(lines)
        connection.sendall(request.encode())
        with EventClient(connection) as client:
            yield client


def wait_until(state: Any, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
