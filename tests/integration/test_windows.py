"""Limits on many keys at once: in Redis for all processes, or in one process's memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from redis import Redis

from app.cache import Cache, CacheUnavailable, open_cache
from app.windows import MemoryWindows

T = TypeVar("T")


def with_caches(url: str | None, work: Callable[[Cache, Cache], Awaitable[T]]) -> T:
    """Return the result of `work` with two connections, as in two processes."""

    async def run() -> T:
        one, other = open_cache(url), open_cache(url)
        try:
            return await work(one, other)
        finally:
            await one.close()
            await other.close()

    return asyncio.run(run())


@pytest.fixture(params=["redis", "memory"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


def test_each_key_is_counted_up_to_its_limit(url: str | None) -> None:
    async def work(cache: Cache, _: Cache) -> None:
        first = await cache.hit_many(5, {"often": 4, "seldom": 1})
        second = await cache.hit_many(5, {"often": 4, "seldom": 1})
        third = await cache.hit_many(5, {"often": 1, "other": 9})

        assert [hits["often"].allowed for hits in (first, second, third)] == [4, 1, 0]
        assert [hits["often"].remaining for hits in (first, second, third)] == [1, 0, 0]
        assert second["seldom"][:2] == (1, 3)
        assert third["other"][:2] == (5, 0)
        assert 0 < third["often"].reset <= 60

    with_caches(url, work)


def test_two_processes_share_the_counts_in_redis(redis_url: str) -> None:
    async def work(one: Cache, other: Cache) -> None:
        allowed = [(await cache.hit_many(5, {"a": 2}))["a"].allowed for cache in (one, other) * 2]

        assert sum(allowed) == 5

    with_caches(redis_url, work)


def test_counts_in_redis_expire(redis_url: str) -> None:
    async def work(cache: Cache, _: Cache) -> None:
        await cache.hit_many(5, {"a": 2})

    with_caches(redis_url, work)

    with Redis.from_url(redis_url) as connection:
        assert 0 < int(str(connection.ttl("a"))) <= 120


def test_counting_without_redis_raises_cache_unavailable() -> None:
    async def work(cache: Cache, _: Cache) -> None:
        with pytest.raises(CacheUnavailable):
            await cache.hit_many(5, {"a": 2})

    with_caches("redis://127.0.0.1:1/0", work)


def test_the_previous_minute_counts_by_its_share_of_the_last_sixty_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counting = MemoryWindows()

    def allowed_at(second: float, number: int = 100) -> int:
        monkeypatch.setattr("app.windows.time.time", lambda: 6000 + second)
        return counting.hit(10, {"a": number})["a"].allowed

    assert allowed_at(59) == 10
    assert allowed_at(60) == 0
    assert allowed_at(90) == 5
    assert allowed_at(119) == 5
    assert allowed_at(240) == 10


def test_counts_in_memory_are_bounded() -> None:
    counting = MemoryWindows(limit=10)

    for number in range(100):
        counting.hit(5, {f"{number}": 1})

    assert len(counting._counts) <= 10
