"""Heartbeats in batches: 200 is only returned for a stored heartbeat, whatever happens."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import asyncpg
import pytest
from fastapi.testclient import TestClient

from app.monitors import pings
from app.settings import Settings
from tests.background import BackgroundServers
from tests.integration.checks.support import execute, row
from tests.integration.events.streams import running, wait_until
from tests.services import ROOT, query

JOB = {"name": "Backup", "kind": "heartbeat", "period_seconds": 60}


@pytest.fixture
def paths(client: TestClient) -> list[str]:
    """Of twenty jobs."""
    made = [client.post("/api/monitors", json=JOB).json() for _ in range(20)]
    return [monitor["ping_path"] for monitor in made]


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def ping(port: int, path: str) -> bytes:
    """Return the whole response; empty if the connection is lost."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request(path))
        return read(connection)


def read(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        # A server that does not read everything resets the connection; its response counts.
        pass
    return answer


def ping_all(port: int, paths: list[str]) -> list[int]:
    """Ping all of them at once; return the statuses."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return [int(answer[9:12]) for answer in pool.map(lambda path: ping(port, path), paths)]


def stored(database_url: str) -> int:
    number: int = row(database_url, "SELECT count(*) AS number FROM checks")["number"]
    return number


class Locks(BackgroundServers):
    """Locks the monitors' states, so that nothing can be recorded."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def start(self) -> None:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("BEGIN")
        await self._connection.execute("SELECT FROM states FOR UPDATE")

    async def stop(self) -> None:
        await self._connection.close()


def waits_for_a_lock(database_url: str) -> bool:
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    return bool(query(database_url, waiting))


def test_concurrent_heartbeats_are_stored_in_few_transactions(
    settings: Settings, paths: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "GATHER_SECONDS", 0.5)
    with running(settings) as (_, port):
        assert ping_all(port, paths) == [200] * 20

    assert stored(database_url) == 20
    transactions = "SELECT count(DISTINCT xmin::text) AS number FROM states WHERE state = 'up'"
    assert row(database_url, transactions)["number"] <= 3


def test_simultaneous_heartbeats_of_one_job_count_as_one_check(
    settings: Settings, paths: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "GATHER_SECONDS", 0.5)
    with running(settings) as (_, port):
        assert ping_all(port, paths[:1] * 5 + paths[1:2]) == [200] * 6

    counted = row(database_url, "SELECT sum(hour_checks) AS number FROM states")["number"]
    assert stored(database_url) == counted
    assert 2 <= counted < 6


def test_an_invalid_heartbeat_does_not_affect_the_others(
    settings: Settings, paths: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "GATHER_SECONDS", 0.3)
    # Another version of the program may have written this.
    execute(
        database_url,
        """UPDATE monitors SET spec = spec || '{"grace_seconds": "soon"}' WHERE id = 7""",
    )
    with running(settings) as (_, port):
        statuses = ping_all(port, [*paths, "/ping/" + "a" * 32])

    assert statuses == [200] * 6 + [500] + [200] * 13 + [404]
    assert stored(database_url) == 19


def test_heartbeats_get_503_with_a_retry_time_while_the_database_is_down(
    settings: Settings, paths: list[str]
) -> None:
    away = settings.model_copy(
        update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"}
    )
    with running(away) as (_, port):
        answer = ping(port, paths[0])

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in answer.lower()


def test_a_database_that_hangs_is_not_waited_for(
    settings: Settings, paths: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "ANSWER_SECONDS", 0.3)
    with running(settings) as (_, port):
        with Locks(database_url):
            # The first is being stored, the second waits for it.
            assert ping_all(port, paths[:1]) == [503]
            assert ping_all(port, paths[1:2]) == [503]

        wait_until(lambda: not waits_for_a_lock(database_url))
        # A busy machine may take longer for these.
        monkeypatch.setattr(pings, "ANSWER_SECONDS", 20)
        assert ping_all(port, paths[2:]) == [200] * 18

    # The heartbeat whose transaction had not begun is not stored after its 503.
    assert stored(database_url) == 19


def test_the_number_of_waiting_heartbeats_is_limited(
    settings: Settings, paths: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "MAX_WAITING", 5)
    with running(settings) as (_, port), Locks(database_url), ExitStack() as clients:
        for number, path in enumerate(paths[:6]):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            clients.enter_context(connection).sendall(request(path))
            if number == 0:
                wait_until(lambda: waits_for_a_lock(database_url))
        wait_until(lambda: ping(port, paths[7]).startswith(b"HTTP/1.1 503 "))


def test_a_killed_process_has_confirmed_no_heartbeat_that_was_not_stored(
    paths: list[str], database_url: str
) -> None:
    with process(database_url) as (server, port):
        with Locks(database_url), ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(ping, port, path) for path in paths]
            wait_until(lambda: waits_for_a_lock(database_url))
            server.kill()
            received = [answer.result() for answer in answers]
        wait_until(lambda: not waits_for_a_lock(database_url))

    assert not any(received)
    assert stored(database_url) == 0


def test_pending_heartbeats_are_stored_and_answered_when_the_server_stops(
    paths: list[str], database_url: str
) -> None:
    with process(database_url) as (server, port):
        with ThreadPoolExecutor(20) as pool:
            with Locks(database_url):
                answers = [pool.submit(ping, port, path) for path in paths]
                wait_until(lambda: waits_for_a_lock(database_url))
                server.send_signal(signal.SIGTERM)
            statuses = [answer.result()[9:12] for answer in answers]
        server.wait(20)

    assert statuses.count(b"200") == stored(database_url)
    assert statuses.count(b"200") >= 1


def test_the_heartbeat_of_a_client_that_disconnects_is_still_stored(
    settings: Settings, paths: list[str], database_url: str
) -> None:
    with running(settings) as (server, port):
        with Locks(database_url):
            for path in paths:
                connection = socket.create_connection(("127.0.0.1", port), timeout=20)
                connection.sendall(request(path))
                wait_until(lambda: server.server_state.tasks)
                connection.close()
            wait_until(lambda: waits_for_a_lock(database_url))
        wait_until(lambda: stored(database_url) == 20)


@contextmanager
def process(database_url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve from a process of its own, as in the image."""
    with subprocess.Popen(
        [sys.executable, "-c", "import app.server as s; s.PORT = 0; s.main()"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            said = (re.search(r"Listening on \S+ port (\d+)", line) for line in server.stdout)
            yield server, int(next(found[1] for found in said if found))
        finally:
            server.kill()
            server.communicate()
