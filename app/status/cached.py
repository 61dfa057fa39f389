"""The summary, computed once for all clients and cached for a few seconds."""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from secrets import token_hex
from typing import Literal

from app.cache import Cache, CacheUnavailable
from app.database import Database
from app.status.summary import summarize

# Seconds for which a summary is served unchanged: every page requests it, and a state of this age
# is fresh enough.
FRESH_SECONDS = 5
# Identifies the current summary: its digest, or a mark that it is out of date.
KEY = "status"
# The digest and the compressed summary: an eighth of the data to transfer.
BODY_KEY = "status:body"

_CHANGED = b"changed "
# Longer than it takes to finish a summary that was started before the change.
_CHANGED_SECONDS = 60
_DIGEST_CHARACTERS = 32
# On one core, 50,000 monitors take 80 ms; level 6 takes twice as long and saves a twentieth.
_LEVEL = 4

Source = Literal["hit", "miss", "bypass"]


@dataclass(frozen=True, slots=True)
class Body:
    """The summary as JSON, plain and compressed, and a digest that identifies it."""

    digest: bytes
    plain: bytes
    gzipped: bytes


class CachedSummary:
    """Gets the summary from the cache or computes it, once for all concurrent requests.

    A summary that was started before a change is neither stored nor returned to later requests, so
    clients find their own changes in the next summary. `public`: only what anybody may know is
    included.
    """

    def __init__(self, database: Database, cache: Cache, *, public: bool = False) -> None:
        self._database = database
        self._cache = cache
        self._public = public
        self._last: Body | None = None
        # By the cache's value when they were started.
        self._running: dict[bytes | None, asyncio.Task[tuple[Body, Source]]] = {}
        # All tasks, including those that new requests may no longer join.
        self._tasks: set[asyncio.Task[tuple[Body, Source]]] = set()

    async def get(self) -> tuple[Body, Source]:
        """Return the summary and its source: cached, or computed with or without a cache.

        Raises DatabaseUnavailable.
        """
        try:
            seen = await self._cache.get(KEY)
        except CacheUnavailable:
            # Without a cache, all requests share one task until something changes here.
            return await self._once(b"")
        if self._last is not None and seen == self._last.digest:
            return self._last, "hit"
        return await self._once(seen)

    async def forget(self) -> None:
        """Return no more summaries from before now. Raises CacheUnavailable."""
        self._running.clear()
        # Not deleted, so that a process computing a summary now sees that it is out of date.
        await self._cache.set(KEY, _CHANGED + token_hex(8).encode(), _CHANGED_SECONDS)

    async def close(self) -> None:
        """Cancel summaries that are still being computed."""
        for task in self._tasks:
            task.cancel()
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _once(self, seen: bytes | None) -> tuple[Body, Source]:
        task = self._running.get(seen)
        if task is None:
            task = asyncio.create_task(self._obtain(seen))
            self._running[seen] = task
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, seen))
        # A client that disconnects must not cancel it for the others.
        return await asyncio.shield(task)

    def _end(self, seen: bytes | None, task: asyncio.Task[tuple[Body, Source]]) -> None:
        self._tasks.discard(task)
        if self._running.get(seen) is task:
            del self._running[seen]
        if not task.cancelled():
            task.exception()  # Retrieved, even if nobody waits any more.

    async def _obtain(self, seen: bytes | None) -> tuple[Body, Source]:
        stored = await self._stored(seen)
        if stored is not None:
            self._last = stored
            return stored, "hit"
        async with self._database.transaction() as session:
            parts = await summarize(session, public=self._public)
        # In a thread: zlib lets the event loop continue in the meantime.
        made = await asyncio.to_thread(_packed, parts)
        try:
            # Anything else is a change, or the summary of another process.
            if await self._cache.get(KEY) == seen:
                await self._cache.set(BODY_KEY, made.digest + made.gzipped, 2 * FRESH_SECONDS)
                await self._cache.set(KEY, made.digest, FRESH_SECONDS)
                self._last = made
        except CacheUnavailable:
            # It is used for this request; the next one computes it again.
            return made, "bypass"
        return made, "miss"

    async def _stored(self, seen: bytes | None) -> Body | None:
        """Return the summary that another process has stored, if it is the current one."""
        if not seen or seen.startswith(_CHANGED):
            return None
        try:
            stored = await self._cache.get(BODY_KEY)
        except CacheUnavailable:
            # It is computed again, as without a cache.
            return None
        if stored is None or not stored.startswith(seen):
            return None
        return await asyncio.to_thread(_unpacked, stored)


def _packed(parts: Sequence[bytes]) -> Body:
    plain = b"".join(parts)
    digest = blake2b(plain, digest_size=_DIGEST_CHARACTERS // 2).hexdigest().encode()
    return Body(digest, plain, gzip.compress(plain, _LEVEL, mtime=0))


def _unpacked(stored: bytes) -> Body:
    digest, gzipped = stored[:_DIGEST_CHARACTERS], stored[_DIGEST_CHARACTERS:]
    return Body(digest, gzip.decompress(gzipped), gzipped)
