"""Fixtures: a delivery loop in another thread, and channels that answer, refuse or hang."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.channels.sealing import Sealer
from app.database import Database
from app.notifications.delivery import DeliveryLoop
from app.probing.guard import Guard
from app.probing.prober import Prober
from app.settings import Settings
from tests.sites import Site, new_site

SECRET = "a-secret-of-at-least-16"


class Loop:
    """A DeliveryLoop in an event loop in another thread."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.delivery = self._run(self._open(settings))

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(self.delivery.wake)

    def close(self, seconds: float) -> None:
        if self._loop.is_closed():
            return
        self._run(self._close(seconds))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self, settings: Settings) -> DeliveryLoop:
        self._database = Database(settings.database_url, pool_size=2)
        self._prober = Prober(settings.allowed_networks)
        guard = Guard(settings.allowed_networks)
        sealer = Sealer(settings.webhook_keys)
        delivery = DeliveryLoop(self._database, self._prober, guard, sealer)
        delivery.start()
        return delivery

    async def _close(self, seconds: float) -> None:
        await self.delivery.close(seconds)
        await self._prober.close()
        await self._database.close()


@pytest.fixture
def loops(settings: Settings) -> Iterator[Callable[..., Loop]]:
    """Start delivery loops, and end them with the test."""
    running: list[Loop] = []

    def start(**changes: Any) -> Loop:
        loop = Loop(settings.model_copy(update=changes))
        running.append(loop)
        return loop

    yield start
    for loop in running:
        loop.close(0)


@pytest.fixture
def hook() -> Iterator[Site]:
    """Run a receiver of webhooks."""
    with new_site() as hook:
        yield hook


@contextmanager
def hanging_server() -> Iterator[int]:
    """Run a server that takes every connection and never answers; yield its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield server.getsockname()[1]


def until(state: Callable[[], Any], *, seconds: float = 20) -> Any:
    """Wait until `state` is true, and return its value."""
    deadline = time.monotonic() + seconds
    while not (found := state()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return found


def add_channel(client: TestClient, url: str, **config: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"name": "Hook", "kind": "webhook", "url": url}
    if config.get("kind") != "apprise":
        body["secret"] = SECRET
    answer = client.post("/api/channels", json=body | config)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def add_monitor(client: TestClient, site: Site, **config: Any) -> dict[str, Any]:
    body = {"name": "Site", "kind": "http", "url": site.url, "confirmations": 1}
    answer = client.post("/api/monitors", json=body | config)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def check(client: TestClient, monitor: dict[str, Any], site: Site, status: int) -> None:
    """Check the monitor while its site answers with this status."""
    site.status = status
    assert client.post(f"/api/monitors/{monitor['id']}/check").status_code == 200


def notifications(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    """Oldest first."""
    page = client.get("/api/notifications", params={"limit": 1000} | params).json()
    found: list[dict[str, Any]] = page["items"]
    return found[::-1]


def told(hook: Site) -> list[tuple[str, int]]:
    """Return what was received: event and incident."""
    bodies = [json.loads(body) for _, body in hook.posted]
    return [(body["event"], body["incident"]["id"]) for body in bodies]
