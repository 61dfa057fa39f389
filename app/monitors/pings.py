"""Heartbeats, gathered in the process and stored many in one transaction.

Stored one at a time, each cost three milliseconds, mostly for the round trips of its transaction.
A heartbeat is answered only after the transaction that stores it is committed: if this process
dies, the client gets no answer and retries.
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

# Seconds for which heartbeats are gathered. No job needs a faster answer, and at a thousand a
# second this makes batches of fifty.
GATHER_SECONDS = 0.05
# Heartbeats per transaction.
BATCH = 500
# Heartbeats that may wait; further ones are refused, because they would not be stored in time.
MAX_WAITING = 10_000
# Seconds after which a heartbeat is refused, whatever the database is doing. It may still be
# stored; sending it again does no harm.
ANSWER_SECONDS = 5.0
# Seconds allowed for the last heartbeats when the process stops.
CLOSE_SECONDS = 3.0

# Uses the index of tokens. The time is the database's, as for everything that decides lateness.
_FIND = text("""
    SELECT token, id, clock_timestamp() AS now FROM monitors
    WHERE token = ANY(CAST(:tokens AS text[]))
""")

_Future = asyncio.Future[Hits | None]
_Batch = dict[str, list[_Future]]


class TokenLimited(Exception):
    """A token was used too often; `hits` says when it may be used again."""

    def __init__(self, hits: Hits) -> None:
        super().__init__(hits)
        self.hits = hits


class PingWriter:
    """Stores heartbeats. Create it inside the event loop that it works in.

    Heartbeats of one monitor in one batch have the same time and count as one check. Each token may
    be used `per_minute` times a minute, counted in the cache for a whole batch at once, so that the
    limit applies to all API processes together; without the cache there is no limit.
    """

    def __init__(self, database: Database, cache: Cache, *, per_minute: int) -> None:
        self._database = database
        self._cache = cache
        self._per_minute = per_minute
        self._waiting: _Batch = {}
        # The latest request ids, by token: of waiting heartbeats, and of the current batch.
        self._waiting_ids: dict[str, str | None] = {}
        self._batch_ids: dict[str, str | None] = {}
        self._count = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    async def note(self, token: str) -> Hits | None:
        """Return once the heartbeat is stored: what is left of the token's limit, if any.

        Raises NotFoundError, TokenLimited and DatabaseUnavailable.
        """
        if self._count >= MAX_WAITING or self._closing:
            raise DatabaseUnavailable(f"{self._count} heartbeats are waiting to be stored")
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
        """Store waiting heartbeats for at most CLOSE_SECONDS, and refuse the rest."""
        self._closing = True
        self._arrived.set()
        await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
        self._task.cancel()
        # Wait for it; ending as cancelled is not an error.
        await asyncio.gather(self._task, return_exceptions=True)
        _refuse(self._waiting, DatabaseUnavailable("the process is stopping"))

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
                    # All the others would only wait for the same error.
                    log.warning("%d heartbeats were refused: %s", len(batch) + self._count, error)
                    _refuse(batch, error)
                    _refuse(self._waiting, error)
                except Exception as error:
                    log.exception("a batch of heartbeats could not be handled")
                    _refuse(batch, error)

    def _next_batch(self) -> _Batch:
        """Take the next heartbeats, except those already refused for taking too long."""
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
        """Store a batch, and answer the waiting requests. Raises DatabaseUnavailable."""
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
                # One that can't be stored must not prevent storing the others.
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
        """Count heartbeats per token; there is no limit while the cache is unavailable."""
        # A token is a password, so the cache gets only a hash.
        keys = {_key(token): token for token in batch}
        numbers = {key: len(batch[token]) for key, token in keys.items()}
        try:
            hits = await self._cache.hit_many(self._per_minute, numbers)
        except CacheUnavailable:
            # Too many heartbeats are better than a lost one.
            return {}
        return {keys[key]: hit for key, hit in hits.items()}

    async def _record(self, tokens: list[str]) -> set[str]:
        """Store a heartbeat for each of these tokens; return the tokens that exist."""
        async with self._database.transaction() as session:
            found = (await session.execute(_FIND, {"tokens": tokens})).all()
            ids = {row.id: self._batch_ids[row.token] for row in found}
            # The variable is local to this task, and batches have different monitors.
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
    # The waiting request may have given up.
    if not future.done():
        future.set_exception(error)


def _refuse(batch: _Batch, error: Exception) -> None:
    for futures in batch.values():
        for future in futures:
            _fail(future, error)
