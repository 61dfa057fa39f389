"""Runs the checks that are due: claims and probes them, thousands at a time."""

import asyncio
import logging
import time
from collections import Counter
from datetime import timedelta

from app.checks.claiming import Claim, Floor, claim, release
from app.checks.recording import CompletedCheck
from app.database import Database, DatabaseUnavailable
from app.metrics.definitions import CHECKS, CLAIMED, LAST_CLAIM, LATENESS, PROBES, RUNNING
from app.probing.prober import Prober
from app.probing.result import CheckerFault, Result, Timings
from worker.certificates import Certificates
from worker.failure_review import FailureReview
from worker.faults import Faults
from worker.result_writer import ResultWriter
from worker.selfcheck import LoopWatch, SelfCheck
from worker.target_cache import TargetCache

log = logging.getLogger(__name__)

# Checks per claim: enough to be worth a transaction, few enough for several workers to share the
# work.
BATCH = 250
# Seconds after which checks that could not be made are given back, many in one transaction. By
# then the missing resource may be available again, and another worker may have it anyway.
GIVE_BACK_SECONDS = 1.0
# How many times in a row a check that timed out while the event loop was late is repeated. More
# repeats would hide an outage for as long as the machine is overloaded.
SECOND_CHANCES = 3
# How many times in a row a check is given back at once. After that its lease must expire first,
# so that a check that can never be made is not retried every second forever.
AT_ONCE = 30
# Fraction of the timeout after which a failure counts as timed out: uvloop's clock stops while
# callbacks run, so a timer may fire a little early.
TIMED_OUT_PART = 0.8
# Seconds spent on trying to store the last results when a worker stops.
STORE_SECONDS = 5.0


class Checker:
    """Runs checks in one event loop, `concurrency` at a time, including those not due yet.

    Results go to `writer`. A check that could not be made because the checker itself lacks a
    resource has no result: its claim is given back, and `faults` counts it.
    """

    def __init__(
        self,
        database: Database,
        prober: Prober,
        writer: ResultWriter,
        *,
        concurrency: int,
        faults: Faults,
        selfcheck: SelfCheck,
        certificates: Certificates,
        location: str = "",
    ) -> None:
        self._database = database
        self._prober = prober
        self._writer = writer
        self._concurrency = concurrency
        self._faults = faults
        self._certificates = certificates
        self._location = location
        self._targets = TargetCache()
        self._floor = Floor()
        self._claiming = asyncio.Lock()
        self._waiting: dict[Claim, asyncio.TimerHandle] = {}
        self._probing: dict[Claim, asyncio.Task[None]] = {}
        self._loop_watch = LoopWatch()
        self._review = FailureReview(selfcheck, store=writer.add, give_back=self._give_back)
        self._unmade_in_a_row: Counter[int] = Counter()
        self._unmade: list[Claim] = []
        self._some_unmade = asyncio.Event()
        self._giving_back = asyncio.create_task(self._give_back_all())
        self._closed = False

    async def claim(self) -> bool:
        """Claim the checks that are due and schedule them; return whether more may be due.

        Raises DatabaseUnavailable.
        """
        async with self._claiming:
            # Results that wait for an unavailable database count too: they must not fill
            # the memory.
            taken = len(self._waiting) + len(self._probing) + len(self._writer)
            taken += len(self._review) + len(self._unmade)
            limit = min(self._concurrency - taken, BATCH)
            if limit <= 0 or self._closed:
                return False
            async with self._database.transaction() as session:
                claims = await claim(session, limit, self._floor, self._location)
                await self._targets.learn(session, claims)
            CLAIMED.inc(len(claims))
            LAST_CLAIM.set_to_current_time()
            RUNNING.set(taken + len(claims))
            loop = asyncio.get_running_loop()
            now = time.perf_counter()
            for claimed in claims:
                wait = max(claimed.planned_at - now, 0)
                self._waiting[claimed] = loop.call_later(wait, self._begin, claimed)
            return len(claims) == limit

    async def stop_claiming(self, seconds: float) -> None:
        """Claim nothing more; wait at most `seconds` for a claim in progress.

        A claim interrupted after its commit would block its checks until their leases expire.
        """
        self._closed = True
        try:
            async with asyncio.timeout(seconds), self._claiming:
                pass
        except TimeoutError:
            log.warning("a claim in progress is left to its leases")

    async def drain(self, seconds: float) -> None:
        """Start no more checks, give those in progress `seconds`, and store the results.

        Checks that were not made are given back, for other workers to claim at once.
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
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._loop_watch.close()
        await self._review.close()
        await self._writer.close(STORE_SECONDS)
        self._giving_back.cancel()
        # Wait for it; ending as cancelled is not an error.
        await asyncio.gather(self._giving_back, return_exceptions=True)
        left += self._unmade
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
        if claimed.kind == "heartbeat":
            late = Result(
                ok=False, latency_ms=None, timings=Timings(), error="no heartbeat came in time"
            )
            self._writer.add(_completed(claimed, late))
            return
        LATENESS.observe(max(time.perf_counter() - claimed.planned_at, 0))
        target = self._targets.get(claimed)
        if target is None:
            # It has changed since it was claimed, or can't be read: that is not an outage.
            return
        begin = time.monotonic()
        try:
            result = await self._prober.probe(target, claimed.timeout_seconds)
        except (CheckerFault, MemoryError) as fault:
            self._give_back(claimed, str(fault) or "no memory is left")
            return
        if result.latency_ms is not None:
            PROBES.labels(claimed.kind).observe(result.latency_ms / 1000)
        self._certificates.note(claimed.monitor_id, result.certificate_expires)
        completed = _completed(claimed, result)
        if result.ok:
            self._unmade_in_a_row.pop(claimed.monitor_id, None)
            self._faults.clear()
            self._review.passed(completed, target.host)
        elif self._may_be_late(claimed, begin):
            self._give_back(claimed, "the event loop is late: this machine is overloaded")
        else:
            self._unmade_in_a_row.pop(claimed.monitor_id, None)
            self._review.failed(claimed, completed, target.host)

    def _may_be_late(self, claimed: Claim, begin: float) -> bool:
        """Return whether a check timed out while the event loop itself was held up."""
        return (
            time.monotonic() - begin >= TIMED_OUT_PART * claimed.timeout_seconds
            and self._loop_watch.late_since(begin)
            and self._unmade_in_a_row[claimed.monitor_id] < SECOND_CHANCES
        )

    def _give_back(self, claimed: Claim, reason: str) -> None:
        CHECKS.labels(claimed.kind, "unmade").inc()
        self._faults.note(reason)
        self._unmade_in_a_row[claimed.monitor_id] += 1
        if self._unmade_in_a_row[claimed.monitor_id] <= AT_ONCE:
            self._unmade.append(claimed)
            self._some_unmade.set()

    async def _give_back_all(self) -> None:
        while True:
            await self._some_unmade.wait()
            await asyncio.sleep(GIVE_BACK_SECONDS)
            self._some_unmade.clear()
            claims = list(self._unmade)
            try:
                async with self._database.transaction() as session:
                    await release(session, claims)
            except DatabaseUnavailable as error:
                log.warning("%d checks are left to their leases: %s", len(claims), error)
            except Exception:
                log.exception("%d checks are left to their leases", len(claims))
            # They count until now, so that no more is claimed than there is room for.
            del self._unmade[: len(claims)]


def _completed(claimed: Claim, result: Result) -> CompletedCheck:
    passed = timedelta(seconds=time.perf_counter() - claimed.planned_at)
    checked_at = claimed.due_at + passed
    return CompletedCheck.of(claimed, checked_at, result)
