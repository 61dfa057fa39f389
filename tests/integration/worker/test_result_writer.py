"""Storing results: an unavailable database, rejected results, and the order of results."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import make_url

from app.checks.recording import CompletedCheck
from app.database import Database
from app.probing.result import Result, Timings
from app.settings import Settings
from tests.services import query
from worker.result_writer import LIMIT_PER_MONITOR, ResultWriter

NOW = datetime.now(UTC)


def completed(monitor_id: int, error: str | None = None, *, seconds: int = 0) -> CompletedCheck:
    """Return a check made `seconds` after NOW, for which no lease is needed."""
    result = Result(error is None, 1.0, Timings(total_ms=1.0), error=error)
    at = NOW + timedelta(seconds=seconds)
    return CompletedCheck(monitor_id, at, at, result)


@pytest.fixture
def monitors(client: TestClient) -> list[int]:
    """Five monitors that are down with their first failure."""
    body = {"kind": "http", "url": "http://127.0.0.1:1/", "confirmations": 1}
    made = [client.post("/api/monitors", json={"name": f"{n}"} | body).json() for n in range(5)]
    return [monitor["id"] for monitor in made]


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[ResultWriter]:
    database = Database(url)
    writer = ResultWriter(database)
    yield writer
    await writer.close(5)
    await database.close()


def write(settings: Settings, work: Callable[[ResultWriter], Awaitable[None]]) -> None:
    async def run() -> None:
        async with writing(settings.database_url) as writer:
            await work(writer)

    asyncio.run(run())


async def until(state: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(state):  # noqa: ASYNC110 (it sends no event)
            await asyncio.sleep(0.05)


def states(client: TestClient) -> list[str]:
    found = client.get("/api/monitors").json()["items"]
    return [monitor["state"] for monitor in sorted(found, key=lambda monitor: monitor["id"])]


def cut_connections(url: str) -> None:
    query(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database()",
    )


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Make the database read-only, like a standby after a failover."""
    name = query(url, "SELECT current_database() AS name")[0]["name"]
    query(url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    cut_connections(url)
    try:
        yield
    finally:
        # The address of a socket has a query already.
        address = make_url(url).update_query_dict({"default_transaction_read_only": "off"})
        writable = address.render_as_string(hide_password=False)
        query(writable, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        cut_connections(url)


@contextmanager
def disk_full(url: str) -> Iterator[None]:
    query(
        url,
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$",
    )
    query(url, "CREATE TRIGGER no_space BEFORE UPDATE ON states EXECUTE FUNCTION no_space()")
    try:
        yield
    finally:
        query(url, "DROP FUNCTION no_space CASCADE")


@pytest.mark.parametrize("away", [read_only, disk_full], ids=["read-only", "disk full"])
def test_results_wait_for_a_database_that_cannot_store_them_and_none_is_lost(
    away: Callable[[str], Any],
    client: TestClient,
    settings: Settings,
    monitors: list[int],
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(writer: ResultWriter) -> None:
        outage = away(database_url)
        await asyncio.to_thread(outage.__enter__)
        try:
            for monitor_id in monitors:
                writer.add(completed(monitor_id, "connection refused"))
            await until(lambda: "wait for the database" in caplog.text)
            assert len(writer) == len(monitors)
        finally:
            await asyncio.to_thread(outage.__exit__, None, None, None)
        await until(lambda: not len(writer))

    write(settings, work)

    assert states(client) == ["down"] * 5
    assert "trying each half" not in caplog.text
    assert len(query(database_url, "SELECT 1 FROM checks")) == 5


def test_a_result_that_cannot_be_stored_costs_its_details_alone(
    client: TestClient, settings: Settings, monitors: list[int]
) -> None:
    async def work(writer: ResultWriter) -> None:
        for monitor_id in monitors:
            # PostgreSQL's text has no place for NUL.
            error = "\0" if monitor_id == monitors[2] else "connection refused"
            writer.add(completed(monitor_id, error))
        await until(lambda: not len(writer))

    write(settings, work)

    assert states(client) == ["down"] * 5
    causes = {item["cause"] for item in client.get("/api/incidents").json()["items"]}
    assert causes == {"connection refused", "the check failed; its details could not be stored"}


def test_bisecting_takes_a_few_transactions_and_not_one_for_each_result(
    client: TestClient,
    settings: Settings,
    monitors: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "worker.result_writer")

    async def work(writer: ResultWriter) -> None:
        for monitor_id in monitors:
            writer.add(completed(monitor_id, "\0" if monitor_id == monitors[4] else None))
        await until(lambda: not len(writer))

    write(settings, work)

    stored = [record for record in caplog.records if record.message.startswith("checked")]
    assert [record.message.split(":")[0] for record in stored] == [
        "checked 2",
        "checked 1",
        "checked 1",
        "checked 1",
    ]
    assert states(client) == ["up"] * 4 + ["down"]


def test_results_of_one_monitor_are_stored_in_order_and_the_newest_wins(
    client: TestClient, settings: Settings, monitors: list[int], database_url: str
) -> None:
    async def work(writer: ResultWriter) -> None:
        writer.add(completed(monitors[0], "connection refused"))
        writer.add(completed(monitors[0], seconds=5))
        await until(lambda: not len(writer))

    write(settings, work)

    assert states(client)[0] == "up"
    stored = query(database_url, "SELECT ok FROM checks ORDER BY scheduled_at")
    assert [row["ok"] for row in stored] == [False, True]


def test_waiting_results_are_limited_per_monitor_and_the_newest_are_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> list[CompletedCheck]:
        database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
        writer = ResultWriter(database)
        for second in range(10):
            writer.add(completed(1, seconds=second))
        await until(lambda: "old results were dropped" in caplog.text)
        await writer.close(0)
        await database.close()
        return writer._waiting[1]

    left = asyncio.run(run())

    assert [result.checked_at - NOW for result in left] == [
        timedelta(seconds=second) for second in range(10 - LIMIT_PER_MONITOR, 10)
    ]


def test_closing_the_writer_stores_the_remaining_results(
    client: TestClient, settings: Settings, monitors: list[int]
) -> None:
    async def work(writer: ResultWriter) -> None:
        writer.add(completed(monitors[0]))

    write(settings, work)

    assert states(client)[0] == "up"
