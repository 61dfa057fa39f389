"""Heartbeats, gathered in the process and stored many in one transaction.

One at a time cost three milliseconds, most of it for the round trips of a transaction of its own.
A heartbeat is answered when the transaction that stores it is committed, and not before: if this
process dies, its client gets no answer and asks again.
"""

import asyncio
import hashlib
import logging

from sqlalchemy import text

from app import request_id
from app.cache import Cache, CacheUnavailable
from app.checks.recording import CompletedCheck, Recorded, record
from app.database import Database, DatabaseUnavailable
from app.errors import NotFoundError
from app.incidents.transitions import log_changes
from app.metrics.definitions import CHECKS
from app.probing.result import Result, Timings
from app.windows import Hits

log = logging.getLogger(__name__)

HEARTBEAT = Result(ok=True, latency_ms=None, timings=Timings(), status_code=None, error=None)

# Seconds for which heartbeats are gathered. No job is in such a hurry, and at a thousand a second
# it makes transactions of fifty.
GATHER_SECONDS = 0.05
# Heartbeats that one transaction stores.
BATCH = 500
# Heartbeats that wait; the next one is refused, because it would not be stored in time.
MAX_WAITING = 10_000
# Seconds after which a heartbeat is refused, whatever the database is doing. It may be stored all
# the same; sent again it does no harm.
ANSWER_SECONDS = 5.0
# Seconds that the last ones get when the process stops.
CLOSE_SECONDS = 3.0

# By the index of tokens. The time is the database's, as for everything that decides what is late.
_FIND = text("""
    SELECT token, id, clock_timestamp() AS now FROM monitors
    WHERE token = ANY(CAST(:tokens AS text[]))
""")

_Future = asyncio.Future[Hits | None]
_Batch = dict[str, list[_Future]]


class TokenLimited(Exception):
    """One token has come too often: `hits` say when it may come again."""

    def __init__(self, hits: Hits) -> None:
        super().__init__(hits)
        self.hits = hits


class PingWriter:
    """Stores heartbeats. Made inside the event loop that it works in.

    Those of one monitor that come within a batch have the same time and are one check. Of every
    token it takes `per_minute` a minute, counted in the cache for a whole batch at once, so that
    the limit holds for all API processes together; without the cache there is none.
    """

    def __init__(self, database: Database, cache: Cache, *, per_minute: int) -> None:
        self._database = database
        self._cache = cache
        self._per_minute = per_minute
        self._waiting: _Batch = {}
        # The ids of the latest requests, of tokens that wait and of those in the present batch.
        self._waiting_ids: dict[str, str | None] = {}
        self._batch_ids: dict[str, str | None] = {}
        self._count = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    async def note(self, token: str) -> Hits | None:
        """Return once the heartbeat is stored: what is left of the token's limit, if there is one.

        Raises NotFoundError, TokenLimited and DatabaseUnavailable.
        """
        if self._count >= MAX_WAITING or self._closing:
            raise DatabaseUnavailable(f"{self._count} heartbeats wait to be stored")
        future: _Future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(token, []).append(future)
        self._waiting_ids[token] = request_id.current.get()
        self._count += 1
        self._arrived.set()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError:
            raise DatabaseUnavailable(f"not stored within {ANSWER_SECONDS} s") from None

    async def close(self) -> None:
        """Store what waits, for CLOSE_SECONDS at the most, and refuse the rest."""
        self._closing = True
        self._arrived.set()
        await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
        self._task.cancel()
        # Waited for; that it ends as cancelled is no fault.
        await asyncio.gather(self._task, return_exceptions=True)
        _refuse(self._waiting, DatabaseUnavailable("the process stops"))

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            if not self._closing:
                await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            while batch := self._next_batch():
                try:
                    await self._answer(batch)
                except DatabaseUnavailable as error:
                    # All the others would wait for the same answer.
                    log.warning("%d heartbeats are refused: %s", len(batch) + self._count, error)
                    _refuse(batch, error)
                    _refuse(self._waiting, error)
                except Exception as error:
                    log.exception("a batch of heartbeats could not be handled")
                    _refuse(batch, error)

    def _next_batch(self) -> _Batch:
        """Take the next heartbeats, without those that have been refused for taking too long."""
        batch: _Batch = {}
        self._batch_ids = {}
        while self._waiting and len(batch) < BATCH:
            token = next(iter(self._waiting))
            futures = self._waiting.pop(token)
            self._batch_ids[token] = self._waiting_ids.pop(token)
            self._count -= len(futures)
            if not all(future.done() for future in futures):
                batch[token] = futures
        return batch

    async def _answer(self, batch: _Batch) -> None:
        """Store a batch, and answer those who wait for it. Raises DatabaseUnavailable."""
        hits = await self._limit(batch)
        for token, hit in hits.items():
            for future in batch[token][hit.allowed :]:
                _fail(future, TokenLimited(hit))
        allowed = [token for token in batch if token not in hits or hits[token].allowed]
        parts = [allowed] if allowed else []
        while parts:
            part = parts.pop()
            try:
                known = await self._record(part)
            except DatabaseUnavailable:
                raise
            except Exception as error:
                # One that can't be stored must not take the others with it.
                if len(part) == 1:
                    log.exception("a heartbeat can't be stored")
                    _refuse({part[0]: batch[part[0]]}, error)
                else:
                    log.info("storing %d heartbeats failed; trying each half", len(part))
                    half = len(part) // 2
                    parts += [part[half:], part[:half]]
            else:
                _settle({token: batch[token] for token in part}, known, hits)

    async def _limit(self, batch: _Batch) -> dict[str, Hits]:
        """Count the heartbeats of the tokens; nothing is limited while the cache is away."""
        # A token is a password: the cache need not know it.
        keys = {_key(token): token for token in batch}
        numbers = {key: len(batch[token]) for key, token in keys.items()}
        try:
            hits = await self._cache.hit_many(self._per_minute, numbers)
        except CacheUnavailable:
            # Rather too many heartbeats than one that is lost.
            return {}
        return {keys[key]: hit for key, hit in hits.items()}

    async def _record(self, tokens: list[str]) -> set[str]:
        """Store a heartbeat of each of these tokens; return those that there are."""
        async with self._database.transaction() as session:
            found = (await session.execute(_FIND, {"tokens": tokens})).all()
            ids = {row.id: self._batch_ids[row.token] for row in found}
            # This task's own, and each batch is of other monitors.
            request_id.by_monitor.set({number: given for number, given in ids.items() if given})
            heartbeats = [CompletedCheck(row.id, row.now, row.now, HEARTBEAT) for row in found]
            recorded = await record(session, heartbeats) if found else Recorded()
        CHECKS.labels("heartbeat", "ok").inc(recorded.stored)
        log_changes(recorded.changes)
        return {row.token for row in found}


def _key(token: str) -> str:
    return "/ping/" + hashlib.sha256(token.encode()).hexdigest()[:32]


def _settle(batch: _Batch, known: set[str], hits: dict[str, Hits]) -> None:
    for token, futures in batch.items():
        for future in futures:
            if token not in known:
                _fail(future, NotFoundError("There is no monitor with this token."))
            elif not future.done():
                future.set_result(hits.get(token))


def _fail(future: _Future, error: Exception) -> None:
    # Whoever waited may have given up.
    if not future.done():
        future.set_exception(error)


def _refuse(batch: _Batch, error: Exception) -> None:
    for futures in batch.values():
        for future in futures:
            _fail(future, error)
