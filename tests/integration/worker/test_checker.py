"""A resource that the checker lacks is not an outage of its targets."""

import asyncio
import json
import resource
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.background import BackgroundServers
from tests.integration.conftest import Workers
from tests.integration.worker.running import add, copy, said, wait_for, worker
from tests.services import query
from tests.sites import Site

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Quick(BackgroundServers):
    """Answers hundreds of requests at once."""

    url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1000)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def stop(self) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()


@pytest.fixture
def quick() -> Iterator[Quick]:
    with Quick() as quick:
        yield quick


@pytest.fixture
def silent() -> Iterator[str]:
    """Yield a target that accepts nothing and refuses nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


begun = threading.Event()


class Slow(socketserver.StreamRequestHandler):
    """Answers after half a second."""

    def handle(self) -> None:
        self.rfile.readline()
        begun.set()
        time.sleep(0.5)
        self.wfile.write(OK)


@pytest.fixture
def slow() -> Iterator[str]:
    begun.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def results(database_url: str, name: str) -> tuple[int, int]:
    """Return how many checks of the monitors of that name were good, and how many failed."""
    [row] = query(
        database_url,
        "SELECT count(*) FILTER (WHERE ok) AS good, count(*) FILTER (WHERE NOT ok) AS bad "
        f"FROM checks WHERE monitor_id IN (SELECT id FROM monitors WHERE name = '{name}')",
    )
    return row["good"], row["bad"]


def test_a_worker_without_file_descriptors_reports_it_and_recovers_without_outages(
    client: TestClient, site: Site, database_url: str, tmp_path: Path
) -> None:
    add(client, site.url, 5, name="Good")
    with worker(tmp_path, database_url) as process:
        wait_for(lambda: results(database_url, "Good")[0] >= 10)
        before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)

        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        wait_for(lambda: said(tmp_path, "could not be made"))
        noted = (tmp_path / "stagewatch-worker-fault").read_text()
        assert "too many open files" in json.loads(noted)["reason"]
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)

        good, bad = results(database_url, "Good")
        wait_for(lambda: results(database_url, "Good")[0] >= good + 5)
        assert bad == 0
        wait_for(lambda: not (tmp_path / "stagewatch-worker-fault").read_text())


def test_a_hundred_targets_stay_up_beside_1200_that_hang_with_1024_files(
    client: TestClient, quick: Quick, silent: str, database_url: str, tmp_path: Path
) -> None:
    add(client, silent, 1, name="Hanging", interval_seconds=60, timeout_seconds=10)
    add(client, quick.url, 1, name="Good", timeout_seconds=5)
    copy(database_url, "Hanging", 1199)
    copy(database_url, "Good", 99)

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024))

    with worker(tmp_path, database_url, preexec=few_files):
        wait_for(lambda: results(database_url, "Hanging")[1] >= 1200, seconds=60)
        good, _ = results(database_url, "Good")
        wait_for(lambda: results(database_url, "Good")[0] >= good + 200, seconds=30)

    assert results(database_url, "Good")[1] == 0
    assert said(tmp_path, "at most 824 checks at a time: 1024 open files")
    assert not said(tmp_path, "too many open files")


def test_a_check_that_timed_out_while_the_event_loop_was_held_up_is_made_again(
    client: TestClient, slow: str, workers: Workers, database_url: str
) -> None:
    add(client, slow, 1, name="Slow", timeout_seconds=1, interval_seconds=60)
    engine = workers.start()
    wait_for(begun.is_set)

    engine.tell(lambda _: time.sleep(2.5))

    wait_for(lambda: sum(results(database_url, "Slow")))
    assert results(database_url, "Slow") == (1, 0)


def test_a_configuration_that_cannot_be_read_is_no_outage_and_stops_no_other(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    add(client, site.url, 1, name="Bad", interval_seconds=5)
    add(client, site.url, 1, name="Good", interval_seconds=5)
    # Another version of the program might write this.
    query(database_url, """UPDATE monitors SET spec = '{"url": 1}' WHERE name = 'Bad'""")
    workers.start()

    wait_for(lambda: results(database_url, "Good")[0] >= 2)

    assert results(database_url, "Bad") == (0, 0)
