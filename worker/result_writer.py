"""Gathers check results and stores them, many in one transaction."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from app.checks.recording import CompletedCheck, Recorded, record
from app.database import Database, DatabaseUnavailable
from app.incidents.transitions import log_changes
from app.metrics.definitions import CHECKS, STORED
from app.probing.result import Result, Timings
from worker.throttle import Throttle

log = logging.getLogger(__name__)

# Results per transaction.
STORE_BATCH = 500
# Seconds for which results are gathered before they are stored. At 200 checks a second, 0.5 s
# costs half as much as 0.1 s; outages are reported that much later.
GATHER_SECONDS = 0.5
# Seconds between two attempts to store while the database is unavailable.
RETRY_SECONDS = 1.0
# Results per monitor that may wait for the database. A lease allows one at a time, so there are
# more only after leases have expired; then the newest ones show the current state.
LIMIT_PER_MONITOR = 3
# Seconds between two log lines about an unavailable database.
WARN_SECONDS = 10.0


class ResultWriter:
    """Stores results in the order they were added, at most one per monitor at a time.

    Create it inside the event loop it works in. `on_notifications` is called after the commit if
    results have caused notifications. `len()` is the number of results not stored yet.
    """

    def __init__(
        self, database: Database, *, on_notifications: Callable[[], object] = lambda: None
    ) -> None:
        self._database = database
        self._on_notifications = on_notifications
        self._waiting: dict[int, list[CompletedCheck]] = {}
        self._storing = 0
        self._count = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._warn = Throttle(WARN_SECONDS)
        self._task = asyncio.create_task(self._run())

    def __len__(self) -> int:
        return self._count + self._storing

    def add(self, completed: CompletedCheck) -> None:
        """Queue a result; it is stored within about half a second if the database is available."""
        self._waiting.setdefault(completed.monitor_id, []).append(completed)
        self._count += 1
        self._arrived.set()

    async def close(self, seconds: float) -> None:
        """Store the remaining results, for at most `seconds`."""
        self._closing = True
        self._arrived.set()
        # Not cancelled at once: in the middle of a transaction, that would lose a batch.
        await asyncio.wait([self._task], timeout=seconds)
        self._task.cancel()
        # Wait for it; ending as cancelled is not an error.
        await asyncio.gather(self._task, return_exceptions=True)
        if len(self):
            log.warning("%d results were not stored; their checks will be repeated", len(self))

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            if not self._closing:
                await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            while batch := self._next_batch():
                self._storing = len(batch)
                try:
                    await self._store(batch)
                except DatabaseUnavailable as error:
                    # They are back in the queue and counted there.
                    self._storing = 0
                    if self._warn.ready():
                        log.warning("%d results wait for the database: %s", len(self), error)
                    await asyncio.sleep(RETRY_SECONDS)
                except Exception:
                    log.exception("a batch of results could not be handled")
                finally:
                    self._storing = 0

    def _next_batch(self) -> list[CompletedCheck]:
        """Take the next results to store, at most one per monitor."""
        batch = []
        for monitor_id in list(islice(self._waiting, STORE_BATCH)):
            results = self._waiting[monitor_id]
            batch.append(results.pop(0))
            if not results:
                del self._waiting[monitor_id]
        self._count -= len(batch)
        return batch

    def _put_back(self, batch: list[CompletedCheck]) -> None:
        """Put results back for the next attempt, ahead of newer ones of the same monitor."""
        dropped = 0
        for completed in batch:
            results = self._waiting.setdefault(completed.monitor_id, [])
            results.insert(0, completed)
            while len(results) > LIMIT_PER_MONITOR:
                results.pop(0)
                dropped += 1
        self._count += len(batch) - dropped
        if dropped:
            log.warning("%d old results were dropped: newer ones wait for the database", dropped)

    async def _store(self, batch: list[CompletedCheck]) -> None:
        """Store a batch; a result that can't be stored does not prevent storing the others.

        Raises DatabaseUnavailable; the results not stored by then are queued again.
        """
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                parts += await self._attempt(part)
            except DatabaseUnavailable:
                self._put_back([completed for rest in (*parts, part) for completed in rest])
                raise

    async def _attempt(self, part: list[CompletedCheck]) -> list[list[CompletedCheck]]:
        """Store some results; if that fails, return smaller parts to try instead."""
        try:
            recorded = await self._record(part)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if len(part) == 1:
                await self._store_reduced(part[0], error)
                return []
            log.exception("storing %d results failed; trying each half", len(part))
            half = len(part) // 2
            return [part[half:], part[:half]]
        self._stored(part, recorded)
        return []

    async def _store_reduced(self, completed: CompletedCheck, error: Exception) -> None:
        """Store only whether the check was ok, for a result that PostgreSQL rejects.

        The monitor's state must be updated and its next check planned, even if part of the result
        can't be stored.
        """
        number = completed.monitor_id
        log.error("a result of monitor %d can't be stored whole", number, exc_info=error)
        ok = completed.result.ok
        reason = None if ok else "the check failed; its details could not be stored"
        reduced = replace(completed, result=Result(ok, None, Timings(), error=reason))
        try:
            recorded = await self._record([reduced])
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("a result of monitor %d is lost", completed.monitor_id)
            return
        self._stored([reduced], recorded)

    def _stored(self, part: list[CompletedCheck], recorded: Recorded) -> None:
        failed = sum(not completed.result.ok for completed in part)
        STORED.inc(recorded.stored)
        outcomes = Counter(
            (completed.claim.kind, "ok" if completed.result.ok else "failed")
            for completed in part
            if completed.claim
        )
        for labels, count in outcomes.items():
            CHECKS.labels(*labels).inc(count)
        log.info(
            "checked %d: %d ok, %d failed, %d notifications",
            len(part),
            len(part) - failed,
            failed,
            recorded.notifications,
            extra={"checks": len(part), "failed": failed, "notifications": recorded.notifications},
        )
        log_changes(recorded.changes)
        if recorded.notifications:
            self._on_notifications()

    async def _record(self, batch: list[CompletedCheck]) -> Recorded:
        async with self._database.transaction() as session:
            return await record(session, batch)
