"""Short-lived values: in Redis, shared by all copies of the API, or in this process's memory."""

import logging
import time
from collections.abc import Awaitable
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Request
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds for one command: Redis answers in less than one, and a request that waits longer
# for the cache than for the database gains nothing by it.
COMMAND_SECONDS = 0.25
# Seconds for which Redis is left alone after it failed, so that an outage costs one request
# in many a wait, and not each.
REST_SECONDS = 1.0


class CacheUnavailable(Exception):
    """The cache can't be reached now. Whoever asked goes on without."""


class Cache(Protocol):
    """What the application needs of a cache; every call may raise CacheUnavailable."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None when it is not there or its time is over."""

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        """Keep the value for so long."""

    async def delete(self, key: str) -> None:
        """Forget the value."""

    async def count(self, key: str, seconds: int) -> tuple[int, int]:
        """Count one more under `key`: the count so far, and seconds until it begins anew."""

    async def ping(self) -> None:
        """Nothing, if it answers."""

    async def close(self) -> None:
        """Let go of its connections."""


class RedisCache:
    """In Redis. `url`: redis://HOST:PORT/DATABASE."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=COMMAND_SECONDS,
            socket_connect_timeout=COMMAND_SECONDS,
            max_connections=100,
        )
        self._resting_until = 0.0

    async def get(self, key: str) -> bytes | None:
        value = await self._ask(self._redis.get(key))
        return value.encode() if isinstance(value, str) else value

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        await self._ask(self._redis.set(key, value, ex=seconds))

    async def delete(self, key: str) -> None:
        await self._ask(self._redis.delete(key))

    async def count(self, key: str, seconds: int) -> tuple[int, int]:
        # In one transaction, so that no counter is left behind that never ends.
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.incr(key)
        pipeline.expire(key, seconds, nx=True)
        pipeline.ttl(key)
        count, _, left = await self._ask(pipeline.execute())
        return count, max(left, 1)

    async def ping(self) -> None:
        self._resting_until = 0.0
        await self._ask(self._redis.ping())

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, command: Awaitable[T]) -> T:
        if time.monotonic() < self._resting_until:
            if hasattr(command, "close"):
                command.close()
            raise CacheUnavailable("Redis failed a moment ago")
        try:
            return await command
        except (RedisError, OSError, TimeoutError) as error:
            self._resting_until = time.monotonic() + REST_SECONDS
            log.warning("Redis: %s; going on without for %g s", error, REST_SECONDS)
            raise CacheUnavailable(str(error)) from error


class MemoryCache:
    """In this process, where there is no Redis: right as long as there is one process only."""

    def __init__(self, limit: int = 10_000) -> None:
        self._values: dict[str, tuple[float, bytes]] = {}
        self._counts: dict[str, tuple[float, int]] = {}
        self._limit = limit

    async def get(self, key: str) -> bytes | None:
        until, value = self._values.get(key, (0.0, b""))
        return value if time.monotonic() < until else None

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        self._make_room(self._values)
        self._values[key] = (time.monotonic() + seconds, value)

    async def delete(self, key: str) -> None:
        self._values.pop(key, None)

    async def count(self, key: str, seconds: int) -> tuple[int, int]:
        now = time.monotonic()
        until, count = self._counts.get(key, (0.0, 0))
        if now >= until:
            self._make_room(self._counts)
            until, count = now + seconds, 0
        self._counts[key] = (until, count + 1)
        return count + 1, max(int(until - now + 0.999), 1)

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def _make_room(self, entries: dict[str, tuple[float, T]]) -> None:
        if len(entries) < self._limit:
            return
        now = time.monotonic()
        for key in [key for key, (until, _) in entries.items() if until <= now]:
            del entries[key]
        if len(entries) >= self._limit:
            entries.clear()  # all of them alive: an attack, or far too many clients for one process


def open_cache(redis_url: str | None) -> Cache:
    """Redis where there is an address, else this process's memory."""
    return RedisCache(redis_url) if redis_url else MemoryCache()


def get_cache(request: Request) -> Cache:
    """The application's one cache."""
    cache: Cache = request.app.state.cache
    return cache


CacheDep = Annotated[Cache, Depends(get_cache)]
