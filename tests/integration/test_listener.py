"""PostgreSQL's notifications are received, also after a lost connection."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from sqlalchemy import make_url

from app import listener
from app.listener import Listener
from app.settings import Settings
from tests.background import BackgroundServers
from tests.services import query

# Only in this test's database: other tests listen in theirs.
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
CUT = f"SELECT pg_terminate_backend(pid) {OURS}"


async def until(state: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not state():  # noqa: ASYNC110 (it sends no event)
            await asyncio.sleep(0.05)


def test_messages_are_received_again_after_the_connection_was_cut(
    settings: Settings, database_url: str
) -> None:
    async def work() -> None:
        heard: list[str] = []
        listener = Listener(
            settings.database_url,
            "notifications",
            on_message=heard.append,
            on_connection=lambda: heard.append("connected"),
        )
        await until(lambda: heard == ["connected"])

        await asyncio.to_thread(query, database_url, "NOTIFY notifications, 'one'")
        await until(lambda: heard[1:] == ["one"])

        await asyncio.to_thread(query, database_url, CUT)
        # Messages may have been missed meanwhile, so the listener is told.
        await until(lambda: heard[2:] == ["connected"])
        await asyncio.to_thread(query, database_url, "NOTIFY notifications, 'two'")
        await until(lambda: heard[3:] == ["two"])
        await listener.close()

    asyncio.run(work())


def test_a_database_that_falls_silent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(listener, "RETRY_SECONDS", 0.05)

    async def work() -> None:
        # It accepts connections and never answers.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
            hearing = Listener(url, "x", on_message=str, on_connection=lambda: None)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(10):
                attempts = [await loop.sock_accept(silent) for _ in range(3)]
            for connection, _ in attempts:
                connection.close()
            await hearing.close()

        assert not hearing.listening

    asyncio.run(work())


class Freezing(BackgroundServers):
    """A proxy between a client and PostgreSQL; once `frozen`, it forwards nothing."""

    def __init__(self, url: str) -> None:
        self._there = make_url(url)
        self._writers: list[asyncio.StreamWriter] = []
        self.frozen = False

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        here = self._there.set(host="127.0.0.1", port=port, query={})
        self.url = here.render_as_string(hide_password=False)

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._there.host:
            there = await asyncio.open_connection(self._there.host, self._there.port)
        else:
            folder = str(self._there.query["host"])
            there = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        self._writers += [writer, there[1]]
        await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await reader.read(65536)) and not self.frozen:
            writer.write(data)


def test_a_silently_dead_connection_is_detected_and_replaced(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(listener, "CONNECT_SECONDS", 1.0)

    async def work(between: Freezing) -> None:
        heard: list[str] = []
        hearing = Listener(
            between.url,
            "notifications",
            on_message=heard.append,
            on_connection=lambda: heard.append("connected"),
        )
        await until(lambda: heard == ["connected"])

        between.frozen = True
        await until(lambda: not hearing.listening)
        between.frozen = False

        await until(lambda: heard == ["connected"] * 2)
        await hearing.close()

    with Freezing(database_url) as between:
        asyncio.run(work(between))
