"""Short-lived values, in Redis for all copies of the API, or in this process's memory."""

import logging
import math
import time
from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.windows import PERIOD_SECONDS, SCRIPT, Hits, MemoryWindows

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds for one command: Redis is normally much faster, and a request that waits longer for the
# cache than for the database gains nothing from it.
COMMAND_SECONDS = 0.25
# Seconds for which Redis is not used after a failure, so that in an outage only one request in many
# waits for it, not all of them.
REST_SECONDS = 1.0


class CacheUnavailable(Exception):
    """The cache can't be reached now; the caller continues without it."""


class Hit(NamedTuple):
    """The result for one request: whether it may pass, how many are left, seconds to reset."""

    allowed: bool
    remaining: int
    reset: int


class Cache(Protocol):
    """The cache interface of the application; every call may raise CacheUnavailable."""

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None if it does not exist or has expired."""

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        """Keep the value for `seconds`."""

    async def hit(self, limit: RateLimitItem, key: str) -> Hit:
        """Count one request under `key`, if the limit allows it."""

    async def hit_many(self, per_minute: int, numbers: Mapping[str, int]) -> dict[str, Hits]:
        """Add these numbers to their keys' counts within the limit, in one round trip."""

    async def ping(self) -> None:
        """Raise CacheUnavailable if it does not answer, or refuses to write."""

    async def close(self) -> None:
        """Close the connections."""


class RedisCache:
    """A cache in Redis. `url`: redis://HOST:PORT/DATABASE."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=COMMAND_SECONDS,
            socket_connect_timeout=COMMAND_SECONDS,
            max_connections=100,
        )
        # Only `limits` reads this scheme; the connections come from the pool above.
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]  # passed on as it is
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._windows = self._redis.register_script(SCRIPT)
        self._resting_until = 0.0

    async def get(self, key: str) -> bytes | None:
        value = await self._ask(self._redis.get(key))
        return value.encode() if isinstance(value, str) else value

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        await self._ask(self._redis.set(key, value, ex=seconds))

    async def hit(self, limit: RateLimitItem, key: str) -> Hit:
        return await self._ask(_hit(self._limiter, limit, key))

    async def hit_many(self, per_minute: int, numbers: Mapping[str, int]) -> dict[str, Hits]:
        arguments = [per_minute, PERIOD_SECONDS, *numbers.values()]
        counting = self._windows(keys=list(numbers), args=arguments)
        reset, *found = await self._ask(counting)
        pairs = zip(found[::2], found[1::2], strict=True)
        return {
            key: Hits(allowed, remaining, reset)
            for key, (allowed, remaining) in zip(numbers, pairs, strict=True)
        }

    async def ping(self) -> None:
        self._resting_until = 0.0
        # A write, because a Redis with full memory answers PING but refuses what it is used for.
        await self._ask(self._redis.set("ping", b"", ex=1))

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
    """A cache in this process, for use without Redis: correct only with a single process."""

    def __init__(self, limit: int = 10_000) -> None:
        self._values: dict[str, tuple[float, bytes]] = {}
        self._hits = MemoryStorage()
        self._windows = MemoryWindows()
        self._limiter = SlidingWindowCounterRateLimiter(self._hits)
        self._limit = limit

    async def get(self, key: str) -> bytes | None:
        until, value = self._values.get(key, (0.0, b""))
        return value if time.monotonic() < until else None

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        self._make_room(self._values)
        self._values[key] = (time.monotonic() + seconds, value)

    async def hit(self, limit: RateLimitItem, key: str) -> Hit:
        if len(self._hits.storage) >= self._limit:
            # An attack, or far too many clients for one process: all counts start again.
            await self._hits.reset()
        return await _hit(self._limiter, limit, key)

    async def hit_many(self, per_minute: int, numbers: Mapping[str, int]) -> dict[str, Hits]:
        return self._windows.hit(per_minute, numbers)

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


async def _hit(limiter: SlidingWindowCounterRateLimiter, limit: RateLimitItem, key: str) -> Hit:
    allowed = await limiter.hit(limit, key)
    window = await limiter.get_window_stats(limit, key)
    return Hit(allowed, window.remaining, max(math.ceil(window.reset_time - time.time()), 1))


def open_cache(redis_url: str | None) -> Cache:
    """Return a cache in Redis if there is an address, else in this process's memory."""
    return RedisCache(redis_url) if redis_url else MemoryCache()
