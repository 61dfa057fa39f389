"""Migrations, and an unavailable database."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database import Database, DatabaseUnavailable
from app.main import create_app
from app.settings import Settings
from tests.services import create_database, migrate, query


def test_the_migrations_make_what_the_models_say(migrated_database: str) -> None:
    assert "No new upgrade operations" in migrate(migrated_database, "check")


def test_migrating_again_and_at_once_changes_nothing(migrated_database: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [migrated_database] * 2))

    assert len(query(migrated_database, "SELECT * FROM alembic_version")) == 1


def test_a_database_migrated_by_a_later_release_is_left_unchanged(
    migrated_database: str,
) -> None:
    later = create_database(migrated_database, "of_a_later_release")
    migrate(later)
    query(later, "UPDATE alembic_version SET version_num = '9901'")

    said = migrate(later)

    assert "the database is at 9901, newer than this program" in said
    assert query(later, "SELECT version_num FROM alembic_version") == [{"version_num": "9901"}]


def test_without_a_database_it_is_alive_but_not_ready_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    settings = Settings(database_url=f"postgresql://nobody:nothing@127.0.0.1:{port}/nothing")

    with TestClient(create_app(settings)) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        answer = client.get("/api/monitors")

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert "nothing" not in answer.text


PASSING = {
    "read-only": "25006",
    "deadlock": "40P01",
    "serialization": "40001",
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "lock timeout": "55P03",
    "cancelled": "57014",
    "admin shutdown": "57P01",
    "crash": "57P02",
    "cannot connect now": "57P03",
    "input or output error": "58030",
}


async def run(url: str, statement: str) -> None:
    database = Database(Settings(database_url=url).database_url)
    try:
        async with database.transaction() as session:
            await session.execute(text(statement))
    finally:
        await database.close()


@pytest.mark.parametrize("code", PASSING.values(), ids=PASSING)
def test_an_error_unrelated_to_the_data_counts_as_an_unavailable_database(
    code: str, database_url: str
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"

    with pytest.raises(DatabaseUnavailable):
        asyncio.run(run(database_url, raising))


@pytest.mark.parametrize("code", ["22003", "23505", "42P01"])
def test_an_error_about_the_data_is_raised_as_it_is(code: str, database_url: str) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"

    with pytest.raises(DBAPIError):
        asyncio.run(run(database_url, raising))


def test_a_role_at_its_connection_limit_counts_as_unavailable(database_url: str) -> None:
    query(database_url, "DROP ROLE IF EXISTS one_only")
    query(database_url, "CREATE ROLE one_only LOGIN PASSWORD 'one' CONNECTION LIMIT 1")
    address = make_url(database_url).set(username="one_only", password="one")
    url = address.render_as_string(hide_password=False)

    async def connect_twice() -> None:
        database = Database(Settings(database_url=url).database_url)
        try:
            async with database.transaction() as session:
                await session.execute(text("SELECT 1"))
                with pytest.raises(DatabaseUnavailable):
                    await database.ping()
        finally:
            await database.close()

    asyncio.run(connect_twice())


def test_days_are_utc_days_whatever_the_time_zone_of_the_server(
    settings: Settings, database_url: str
) -> None:
    name = make_url(database_url).database
    query(database_url, f"""ALTER DATABASE "{name}" SET timezone = 'Europe/Berlin'""")

    async def ninety_days_before() -> object:
        database = Database(settings.database_url)
        # Between the two, clocks in Berlin are changed.
        days = text("SELECT CAST('2026-04-01 00:00+00' AS timestamptz) - interval '90 days'")
        async with database.transaction() as session:
            found = await session.scalar(days)
        await database.close()
        return found

    try:
        assert asyncio.run(ninety_days_before()) == datetime(2026, 1, 1, tzinfo=UTC)
    finally:
        query(database_url, f'ALTER DATABASE "{name}" RESET timezone')


def test_a_connection_lost_in_a_transaction_counts_as_an_unavailable_database(
    database_url: str,
) -> None:
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(run(database_url, "SELECT pg_terminate_backend(pg_backend_pid())"))


def test_one_of_two_deadlocked_transactions_is_asked_to_retry(
    database_url: str,
) -> None:
    async def lock_both() -> list[BaseException | None]:
        database = Database(Settings(database_url=database_url).database_url)
        met = asyncio.Barrier(2)

        async def lock(first: int, second: int) -> None:
            async with database.transaction() as session:
                await session.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
                await met.wait()
                await session.execute(text(f"SELECT pg_advisory_xact_lock({second})"))

        try:
            return list(await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True))
        finally:
            await database.close()

    ends = asyncio.run(lock_both())

    assert [type(end) for end in ends if end] == [DatabaseUnavailable]


def test_a_connection_opened_for_a_cancelled_task_returns_to_the_pool(
    database_url: str,
) -> None:
    async def cancel_at_the_last_moment() -> int:
        database = Database(Settings(database_url=database_url).database_url)
        opened = database._open
        user = asyncio.ensure_future(database.ping())

        async def open_and_cancel() -> AsyncConnection:
            connection = await opened()
            user.cancel()
            return connection

        database._open = open_and_cancel  # type: ignore[method-assign]  # for this one moment
        with pytest.raises(asyncio.CancelledError):
            await user
        await asyncio.sleep(0)
        await asyncio.gather(*database._closing)
        in_use = database.engine.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
        await database.close()
        return int(in_use)

    assert asyncio.run(cancel_at_the_last_moment()) == 0
