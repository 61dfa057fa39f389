"""Runs the program that `make run` starts in the tests' own process."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn

from app.main import create_app
from app.pages import add_pages
from app.server import server_config
from app.settings import Settings
from tests.services import query
from worker.local import create_local_app

SECONDS = 20


def execute(database_url: str, statement: str) -> None:
    """Run a statement in a thread, because Playwright's event loop is running in this one."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(query, database_url, statement).result()


class Service:
    """A running Stagewatch, with requests for tests."""

    def __init__(self, port: int, key: str | None = None) -> None:
        self.url = f"http://localhost:{port}"
        self.headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(self, path: str, body: object = None, *, method: str | None = None) -> Any:
        """Return the JSON that a request is answered with; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.url + path, data, self.headers | headers, method=method
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return None if answer.status == 204 else json.load(answer)

    def add(self, name: str, url: str, **more: object) -> int:
        """Add a monitor that is checked every 5 seconds; one failure makes it down."""
        monitor = {"kind": "http", "interval_seconds": 5, "confirmations": 1, "timeout_seconds": 2}
        added = self.ask("/api/monitors", monitor | {"name": name, "url": url} | more)
        return int(added["id"])

    def check(self, monitor_id: int) -> Any:
        """Check a monitor now, and return the result."""
        return self.ask(f"/api/monitors/{monitor_id}/check", method="POST")

    def wait_for(self, monitor_id: int, state: str) -> None:
        """Wait until the monitor is in this state."""
        wait_until(lambda: self.ask(f"/api/monitors/{monitor_id}")["state"] == state)


def wait_until(state: Callable[[], object], *, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@contextmanager
def running(settings: Settings, *, checking: bool) -> Iterator[Service]:
    """Serve API and pages within the block, with or without making due checks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = server_config(settings, host="127.0.0.1", port=port)
        if checking:
            config.app = lambda: create_local_app(settings)
        else:
            config.app = lambda: with_pages(settings)
        # An event stream does not end by itself, only with the test.
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started, "it has not started"
            yield Service(port, settings.first_key)
        finally:
            server.should_exit = True
            thread.join(SECONDS)


def with_pages(settings: Settings) -> Any:
    app = create_app(settings)
    add_pages(app)
    return app
