"""The summary is computed once for all requests, and misses no change."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from fastapi.testclient import TestClient

from app.cache import Cache, CacheUnavailable, open_cache
from app.database import Database
from app.main import create_app
from app.settings import Settings
from app.status.cached import Body, CachedSummary
from tests.integration.checks.support import add

NOWHERE = "redis://127.0.0.1:1/0"

# In this database: the numbers of tables are the same in those of other processes.
WAITING = """
    SELECT count(*) FROM pg_locks WHERE relation = 'monitors'::regclass AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(params=["redis", "memory"])
def cache_url(request: pytest.FixtureRequest) -> str | None:
    """Return an address of either kind of cache: both must behave the same."""
    url: str | None = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return url


class Blocked:
    """A summary that can't be computed, because another connection locks the monitors."""

    def __init__(self, cached: CachedSummary, connection: asyncpg.Connection) -> None:
        self.cached = cached
        self.connection = connection

    async def wait_for(self, waiting: int) -> None:
        """Wait until that many transactions wait for the monitors."""
        found = -1
        for _ in range(400):
            found = await self.connection.fetchval(WAITING)
            if found == waiting:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{found} wait")


@asynccontextmanager
async def blocked(settings: Settings, cache: Cache) -> AsyncIterator[Blocked]:
    database = Database(settings.database_url)
    cached = CachedSummary(database, cache)
    connection = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    await connection.execute("BEGIN; LOCK TABLE monitors IN ACCESS EXCLUSIVE MODE")
    try:
        yield Blocked(cached, connection)
    finally:
        await connection.close()
        await cached.close()
        await cache.close()
        await database.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def names(body: Body) -> list[str]:
    assert gzip.decompress(body.gzipped) == body.plain
    return [monitor["name"] for monitor in json.loads(body.plain)["monitors"]]


@pytest.mark.parametrize("away", [False, True])
def test_concurrent_requests_compute_one_summary(settings: Settings, away: bool) -> None:
    async def work() -> None:
        cache = open_cache(NOWHERE if away else None)
        if away:
            # From here on Redis is known to be unavailable, to all hundred at once.
            with pytest.raises(CacheUnavailable):
                await cache.ping()
        async with blocked(settings, cache) as summary:
            asking = [asyncio.create_task(summary.cached.get()) for _ in range(100)]
            await summary.wait_for(1)
            asking[0].cancel()
            await summary.connection.execute("COMMIT")

            answers = await asyncio.gather(*asking[1:])

            assert len({id(body) for body, _ in answers}) == 1
            assert {source for _, source in answers} == {"bypass" if away else "miss"}

    run(work)


def test_summaries_requested_after_a_change_contain_it_despite_one_in_progress(
    settings: Settings, cache_url: str | None
) -> None:
    async def work() -> None:
        async with blocked(settings, open_cache(cache_url)) as summary:
            before = asyncio.create_task(summary.cached.get())
            await summary.wait_for(1)
            await summary.connection.execute("""
                INSERT INTO monitors
                    (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
                VALUES ('New', 'tcp', '{}', 60, 10, 2);
                INSERT INTO states (monitor_id) VALUES (1);
                COMMIT
            """)
            await summary.cached.forget()

            after, _ = await summary.cached.get()
            await before
            later, source = await summary.cached.get()

            assert names(after) == names(later) == ["New"]
            assert source == "hit"

    run(work)


def test_without_a_cache_a_change_is_in_the_next_summary_too(settings: Settings) -> None:
    async def work() -> None:
        async with blocked(settings, open_cache(NOWHERE)) as summary:
            before = asyncio.create_task(summary.cached.get())
            await summary.wait_for(1)
            with pytest.raises(CacheUnavailable):
                await summary.cached.forget()

            after = asyncio.create_task(summary.cached.get())
            await summary.wait_for(2)
            await summary.connection.execute("COMMIT")

            assert (await after)[0] is not (await before)[0]

    run(work)


def test_an_error_reaches_all_waiting_requests_and_the_next_one_retries(settings: Settings) -> None:
    async def work() -> None:
        async with blocked(settings, open_cache(None)) as summary:
            asking = [asyncio.create_task(summary.cached.get()) for _ in range(3)]
            await summary.wait_for(1)
            cancel = WAITING.replace("count(*)", "pg_cancel_backend(pid)")
            await summary.connection.execute(f"{cancel}; COMMIT")

            errors = await asyncio.gather(*asking, return_exceptions=True)

            assert {type(error).__name__ for error in errors} == {"DatabaseUnavailable"}
            assert (await summary.cached.get())[1] == "miss"

    run(work)


def test_processes_share_a_cached_summary(settings: Settings, redis_url: str) -> None:
    shared = settings.model_copy(update={"redis_url": redis_url})
    with TestClient(create_app(shared)) as one, TestClient(create_app(shared)) as other:
        add(one, name="Shop")
        made = one.get("/api/status")

        answers = [other.get("/api/status") for _ in range(2)]
        add(other, name="Other")
        changed = one.get("/api/status")

    assert made.headers["X-Cache"] == "miss"
    assert [answer.headers["X-Cache"] for answer in answers] == ["hit", "hit"]
    assert [answer.content for answer in answers] == [made.content] * 2
    assert len(changed.json()["monitors"]) == 2


def test_the_summary_is_compressed_on_request_and_not_sent_again_if_unchanged(
    client: TestClient,
) -> None:
    add(client)
    plain = client.get("/api/status", headers={"Accept-Encoding": "identity"})

    compressed = client.get("/api/status", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    again = client.get("/api/status", headers={"If-None-Match": plain.headers["ETag"]})

    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.content == plain.content
    assert compressed.headers["ETag"] == plain.headers["ETag"] == again.headers["ETag"]
    assert plain.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    assert (again.status_code, again.content) == (304, b"")
    add(client)
    changed = client.get("/api/status", headers={"If-None-Match": plain.headers["ETag"]})
    assert (changed.status_code, changed.headers["X-Cache"]) == (200, "miss")
