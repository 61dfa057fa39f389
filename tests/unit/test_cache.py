"""The cache in this process's memory, which takes the place of Redis where there is none."""

import anyio

from app.cache import MemoryCache


async def _counts_up_and_keeps_apart() -> None:
    cache = MemoryCache()

    assert [(await cache.count("a", 60))[0] for _ in range(3)] == [1, 2, 3]
    assert (await cache.count("b", 60))[0] == 1


def test_it_counts_each_key_for_itself() -> None:
    anyio.run(_counts_up_and_keeps_apart)


async def _forgets() -> None:
    cache = MemoryCache()
    await cache.set("key", b"value", 60)

    assert await cache.get("key") == b"value"
    await cache.delete("key")
    assert await cache.get("key") is None
    await cache.set("key", b"value", 0)
    assert await cache.get("key") is None


def test_what_is_deleted_or_over_is_not_there() -> None:
    anyio.run(_forgets)


async def _stays_small() -> None:
    cache = MemoryCache(limit=100)
    for number in range(1000):
        await cache.count(f"client {number}", 60)
        await cache.set(f"key {number}", b"", 60)

    assert len(cache._counts) <= 100
    assert len(cache._values) <= 100


def test_a_thousand_clients_do_not_fill_the_memory() -> None:
    anyio.run(_stays_small)
