"""The cache in the process's memory, which replaces Redis where there is none."""

import anyio
from limits import RateLimitItemPerMinute

from app.cache import MemoryCache

LIMIT = RateLimitItemPerMinute(3)


async def _counts_up_and_keeps_apart() -> None:
    cache = MemoryCache()

    hits = [await cache.hit(LIMIT, "a") for _ in range(4)]

    assert [hit.allowed for hit in hits] == [True, True, True, False]
    assert [hit.remaining for hit in hits] == [2, 1, 0, 0]
    assert all(0 < hit.reset <= 60 for hit in hits)
    assert (await cache.hit(LIMIT, "b")).remaining == 2


def test_it_counts_keys_separately() -> None:
    anyio.run(_counts_up_and_keeps_apart)


async def _forgets() -> None:
    cache = MemoryCache()
    await cache.set("key", b"value", 60)

    assert await cache.get("key") == b"value"
    await cache.set("key", b"value", 0)
    assert await cache.get("key") is None


def test_expired_keys_are_gone() -> None:
    anyio.run(_forgets)


async def _stays_small() -> None:
    cache = MemoryCache(limit=100)
    for number in range(1000):
        await cache.hit(LIMIT, f"client {number}")
        await cache.set(f"key {number}", b"", 60)

    assert len(cache._hits.storage) <= 101
    assert len(cache._values) <= 100


def test_a_thousand_clients_do_not_fill_the_memory() -> None:
    anyio.run(_stays_small)
