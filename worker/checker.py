"""Makes the checks that are due: claims them, probes thousands at a time, stores the results."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from app.checks.recording import Finished, Recorded, record
from app.database import Database, DatabaseUnavailable
from app.probing.prober import Prober
from app.probing.result import Result, Timings
from worker.claiming import Claim, claim, release
from worker.targets import Targets

log = logging.getLogger(__name__)

# Checks that one claim takes: enough to be worth a transaction, few enough that with several
# workers each gets its part.
BATCH = 250
# Results that one transaction stores.
STORE_BATCH = 500
# Seconds for which results are gathered before they are stored. At 200 checks a second half a
# second costs half of what a tenth does; by so much an outage is told later.
GATHER_SECONDS = 0.5
# Seconds for which the last results are tried to be stored when a worker stops.
STORE_SECONDS = 5.0
# Seconds between two attempts to store while the database is away.
RETRY_SECONDS = 1.0


class Checker:
    """Checks in one event loop, `concurrency` at a time, those that wait to be due included.

    `on_notifications` is called, after the commit, when results have caused some.
    """

    def __init__(
        self,
        database: Database,
        prober: Prober,
        *,
        concurrency: int,
        on_notifications: Callable[[], object],
    ) -> None:
        self._database = database
        self._prober = prober
        self._concurrency = concurrency
        self._on_notifications = on_notifications
        self._targets = Targets()
        self._claiming = asyncio.Lock()
        self._waiting: dict[Claim, asyncio.TimerHandle] = {}
        self._probing: dict[Claim, asyncio.Task[None]] = {}
        self._results: deque[Finished] = deque()
        self._arrived = asyncio.Event()
        self._storing = asyncio.create_task(self._store_results())
        self._closed = False
        self._draining = False

    async def claim(self) -> bool:
        """Take what is due, and have it checked; whether there may be more than was taken.

        Raises DatabaseUnavailable.
        """
        async with self._claiming:
            # Results that wait for a database that is away count too: they are not to fill
            # the memory.
            taken = len(self._waiting) + len(self._probing) + len(self._results)
            most = min(self._concurrency - taken, BATCH)
            if most <= 0 or self._closed:
                return False
            async with self._database.transaction() as session:
                claims = await claim(session, most)
                await self._targets.learn(session, claims)
            loop = asyncio.get_running_loop()
            now = time.perf_counter()
            for each in claims:
                wait = max(each.planned_at - now, 0)
                self._waiting[each] = loop.call_later(wait, self._begin, each)
            return len(claims) == most

    async def drain(self, seconds: float) -> None:
        """End: begin no more checks, give those under way so many seconds, store the results.

        What has not been made is given back, for other workers to claim at once.
        """
        self._closed = True
        async with self._claiming:
            for handle in self._waiting.values():
                handle.cancel()
        if self._probing:
            await asyncio.wait(self._probing.values(), timeout=seconds)
        left = [*self._waiting, *self._probing]
        self._waiting.clear()
        unfinished = list(self._probing.values())
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._draining = True
        self._arrived.set()
        # Waited for and not cancelled: in the middle of a transaction that would lose a batch.
        await asyncio.wait([self._storing], timeout=STORE_SECONDS)
        self._storing.cancel()
        await asyncio.gather(self._storing, return_exceptions=True)
        try:
            if left:
                async with self._database.transaction() as session:
                    await release(session, left)
        except DatabaseUnavailable as error:
            log.warning("%d checks are left to their leases: %s", len(left), error)
        else:
            log.info("stopped; %d checks given back", len(left))

    def _begin(self, claimed: Claim) -> None:
        del self._waiting[claimed]
        task = asyncio.get_running_loop().create_task(self._check(claimed))
        self._probing[claimed] = task
        task.add_done_callback(lambda _: self._probing.pop(claimed))

    async def _check(self, claimed: Claim) -> None:
        result = await self._result(claimed)
        passed = timedelta(seconds=time.perf_counter() - claimed.planned_at)
        checked_at = claimed.due_at + passed
        self._results.append(
            Finished(claimed.monitor_id, claimed.due_at, checked_at, result, claimed.lease)
        )
        self._arrived.set()

    async def _result(self, claimed: Claim) -> Result:
        if claimed.kind == "heartbeat":
            return Result(False, None, Timings(), error="no heartbeat came in time")
        target = self._targets.get(claimed)
        if target is None:
            return Result(False, None, Timings(), error="the configuration can't be read")
        return await self._prober.probe(target, claimed.timeout_seconds)

    async def _store_results(self) -> None:
        while self._results or not self._draining:
            await self._arrived.wait()
            if not self._draining:
                await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            while batch := self._next_batch():
                try:
                    await self._store(batch)
                except DatabaseUnavailable as error:
                    # Results are worth keeping as long as their leases hold. After that the
                    # checks are made again, and these are refused.
                    log.warning("%d results wait for the database: %s", len(batch), error)
                    self._results.extendleft(reversed(batch))
                    await asyncio.sleep(RETRY_SECONDS)

    def _next_batch(self) -> list[Finished]:
        """The next results to store, no two of one monitor among them."""
        batch: dict[int, Finished] = {}
        while self._results and len(batch) < STORE_BATCH:
            if self._results[0].monitor_id in batch:
                break
            finished = self._results.popleft()
            batch[finished.monitor_id] = finished
        return list(batch.values())

    async def _store(self, batch: list[Finished]) -> None:
        """Store a batch. A result that can't be stored must not take the others with it."""
        try:
            recorded = await self._record(batch)
        except DatabaseUnavailable:
            raise
        except Exception:
            if len(batch) == 1:
                log.exception("a result of monitor %d is lost", batch[0].monitor_id)
                return
            log.exception("storing %d results failed; trying one by one", len(batch))
            for each in batch:
                await self._store([each])
            return
        failed = sum(not each.result.ok for each in batch)
        log.info(
            "checked %d: %d ok, %d failed, %d notifications",
            len(batch),
            len(batch) - failed,
            failed,
            recorded.notifications,
        )
        if recorded.notifications:
            self._on_notifications()

    async def _record(self, batch: list[Finished]) -> Recorded:
        async with self._database.transaction() as session:
            return await record(session, batch)
