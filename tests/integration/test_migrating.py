"""Migrations while the program runs: which locks they wait for, and what waits for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.run import shared_server
from tests.services import create_database, migrate, query

# Only in this database: other processes of the test run use the same server.
WAITS_FOR_A_TABLE = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# It asks for the lock and commits, again and again; the last statement is COMMIT most of the time.
WAITS_FOR_ANOTHER = """
    SELECT count(*) FROM pg_stat_activity
    WHERE (query LIKE '%advisory_lock%' OR query LIKE 'COMMIT%') AND pid <> pg_backend_pid()
      AND datname = current_database()
"""


@pytest.fixture
def old_database(worker_id: str) -> Iterator[str]:
    """Return a database that lacks the newest migrations."""
    server = shared_server("postgres_server")
    url = create_database(server, f"old_{worker_id}")
    migrate(url, "upgrade", "0803")
    yield url
    query(server, f"DROP DATABASE old_{worker_id} WITH (FORCE)")


async def until(connection: asyncpg.Connection, statement: str) -> None:
    async with asyncio.timeout(20):
        while True:
            if await connection.fetchval(statement):
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection, and always close it: no migration may wait for it forever."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


def test_a_table_in_use_is_waited_for_without_keeping_others_waiting(old_database: str) -> None:
    async def migrate_while_the_table_is_read() -> tuple[bool, str]:
        async with connected(old_database) as dump, connected(old_database) as reader:
            await dump.execute("BEGIN; SELECT count(*) FROM monitors")
            migration = asyncio.create_task(asyncio.to_thread(migrate, old_database))
            await until(dump, WAITS_FOR_A_TABLE)

            # It waits behind the migration, until that gives up its lock.
            await reader.fetchval("SELECT count(*) FROM monitors", timeout=20)

            waits_still = not migration.done()
            await dump.execute("COMMIT")
            return waits_still, await migration

    waits_still, output = asyncio.run(migrate_while_the_table_is_read())

    assert waits_still
    assert "a table is in use" in output
    assert "No new upgrade operations" in migrate(old_database, "check")


def test_a_migration_that_waits_for_another_holds_up_no_index_that_the_other_makes(
    old_database: str,
) -> None:
    async def make_an_index_while_a_migration_waits() -> None:
        async with connected(old_database) as first:
            await first.execute("SELECT pg_advisory_lock(7247)")
            second = asyncio.create_task(asyncio.to_thread(migrate, old_database))
            await until(first, WAITS_FOR_ANOTHER)

            index = "CREATE INDEX CONCURRENTLY of_a_test ON monitors (created_at)"
            await first.execute(index, timeout=20)

            await first.execute("SELECT pg_advisory_unlock(7247)")
            await second

    asyncio.run(make_an_index_while_a_migration_waits())

    assert query(old_database, "SELECT 1 FROM pg_indexes WHERE indexname = 'of_a_test'")


def test_the_sql_of_a_migration_can_be_read_before_it_is_run(old_database: str) -> None:
    sql = migrate(old_database, "upgrade", "0803:1001", "--sql")

    assert sql.startswith("BEGIN;")
    assert "SET lock_timeout" in sql
    assert "ALTER TABLE monitors ADD COLUMN request_id text" in sql


def test_all_migrations_can_be_taken_back_and_made_again(old_database: str) -> None:
    migrate(old_database)

    migrate(old_database, "downgrade", "base")

    tables = query(old_database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == [{"tablename": "alembic_version"}]
    migrate(old_database)
    assert "No new upgrade operations" in migrate(old_database, "check")
