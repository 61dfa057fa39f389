"""Checking, delivery and upkeep for one process, in one event loop. Wake-ups only speed it up.

PostgreSQL holds what is due, and the engine looks there on its own, more than once every two
seconds. A wake-up from Celery makes it look at once; it works just as well without the broker.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from app.channels.resealing import SETTLED_SECONDS, reseal
from app.channels.sealing import Sealer
from app.checks.partitions import maintain
from app.checks.sweep import sweep
from app.checks.switching import Switching
from app.database import Database, DatabaseUnavailable
from app.locations.presence import note
from app.maintenance.periods import extend
from app.metrics import resources
from app.probing.prober import Prober
from app.settings import Settings
from worker import capacity, health
from worker.certificates import Certificates
from worker.checker import Checker
from worker.delivering import Delivering
from worker.faults import Faults
from worker.result_writer import ResultWriter
from worker.selfcheck import SelfCheck

log = logging.getLogger(__name__)

T = TypeVar("T")

# Connections for checking: one claims, one stores, one gives back, one is for upkeep, one for
# maintenance windows. Delivery has its own, so that neither can take what the other needs.
CHECK_CONNECTIONS = 5
# Seconds until the engine looks for due checks if nothing wakes it earlier. Less than the time by
# which checks are claimed ahead (app.checks.claiming.HORIZON_SECONDS), and random, so that
# several workers take turns.
LOOK_SECONDS = (1.0, 1.4)
# Seconds between two claims while more is due than one claim takes: other workers get a share.
NEXT_CLAIM_SECONDS = 0.02
# Seconds between two rounds of partition and retention upkeep, and after a failed round. A worker
# begins with one: after a week of downtime there is no partition for today.
UPKEEP_SECONDS = 3600.0
UPKEEP_RETRY_SECONDS = 10.0
# Seconds between two searches for schedule rows that claims no longer find.
SWEEP_SECONDS = 60.0
# Seconds between two records that this worker checks from its location.
PRESENCE_SECONDS = 10.0
# Each kind of upkeep takes at most a hundredth of the time.
UPKEEP_SHARE = 100
# Seconds that shutdown waits for a claim in progress.
CLAIM_SECONDS = 2.0
# Seconds that shutdown may take in addition to those for checks and deliveries: five of them for
# storing the last results (worker.checker.STORE_SECONDS), the rest for closing connections.
CLOSE_SECONDS = 8.0


class Engine:
    """All the work of one event loop. Create it inside that loop; `close` ends it.

    `health_name` is the name for worker.health; None: nothing is recorded there. At a location it
    only makes checks: a location that is cut off must not hold up deliveries, and one that has no
    settings for retention must not apply the defaults to the data that all of them share.
    """

    def __init__(self, settings: Settings, *, health_name: str | None = None) -> None:
        self._settings = settings
        self._location = settings.location
        self._began = time.monotonic()
        self._health_name = health_name
        self._database = Database(settings.database_url, pool_size=CHECK_CONNECTIONS)
        resources.watch(self._database)
        nameservers = settings.nameservers or None
        self._prober = Prober(settings.allowed_networks, nameservers)
        sealer = Sealer(settings.webhook_keys)
        self._delivering = None if self._location else Delivering(settings, self._prober, sealer)
        self._faults = Faults(health_name)
        self._checker = Checker(
            self._database,
            self._prober,
            ResultWriter(self._database, on_notifications=self.wake_delivery),
            concurrency=capacity.fit(settings.check_concurrency),
            faults=self._faults,
            selfcheck=SelfCheck(nameservers),
            certificates=Certificates(settings.metrics_monitors),
            location=self._location,
        )
        self._look = asyncio.Event()
        self._upkeep_asked = asyncio.Event()
        self._tasks = [asyncio.create_task(self._claim_all())]
        self._upkeep(lambda: sweep(self._database, self._location), SWEEP_SECONDS)
        if self._location:
            self._upkeep(lambda: note(self._database, self._location), PRESENCE_SECONDS)
        else:
            self._upkeep(self.maintain_partitions, UPKEEP_SECONDS, self._upkeep_asked)
            self._upkeep(lambda: extend(self._database), UPKEEP_SECONDS)
            self._upkeep(lambda: self._reseal(sealer), UPKEEP_SECONDS)
            self._tasks.append(asyncio.create_task(Switching(self._database).run()))

    def _upkeep(
        self,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        asked: asyncio.Event | None = None,
    ) -> None:
        repeated = self._repeat(work, seconds, asked or asyncio.Event())
        self._tasks.append(asyncio.create_task(repeated))

    def wake(self) -> None:
        """Look for due checks at once."""
        self._look.set()

    def wake_delivery(self) -> None:
        """Look for due notifications and mails at once."""
        if self._delivering:
            self._delivering.wake()

    def wake_upkeep(self) -> None:
        """Maintain partitions and retention at once."""
        self._upkeep_asked.set()

    async def check(self) -> bool:
        """Claim what is due; return whether there may be more. Raises DatabaseUnavailable."""
        more = await self._checker.claim()
        if self._health_name:
            health.alive(self._health_name)
        return more

    async def maintain_partitions(self) -> None:
        """Maintain partitions and retention. Raises DatabaseUnavailable."""
        await maintain(self._database, self._settings)

    async def _reseal(self, sealer: Sealer) -> None:
        settled = time.monotonic() - self._began >= SETTLED_SECONDS
        await reseal(self._database, sealer, settled=settled)

    async def close(self, seconds: float) -> None:
        """Give checks and deliveries in progress `seconds`; store results, give back the rest."""
        await self._checker.stop_claiming(CLAIM_SECONDS)
        for task in self._tasks:
            task.cancel()
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        closing = [self._checker.drain(seconds)]
        if self._delivering:
            closing.append(self._delivering.close(seconds))
        await asyncio.gather(*closing)
        await self._prober.close()
        await self._database.close()
        self._faults.close()

    async def _claim_all(self) -> None:
        while True:
            try:
                async with asyncio.timeout(random.uniform(*LOOK_SECONDS)):  # noqa: S311  (no secret)
                    await self._look.wait()
            except TimeoutError:
                # Nothing woke it: time for the regular look.
                pass
            self._look.clear()
            try:
                await self._claim_what_is_due()
            except DatabaseUnavailable as error:
                log.warning("nothing claimed: %s", error)
            except Exception:
                # A bug in one round must not stop all checking.
                log.exception("claiming failed")

    async def _claim_what_is_due(self) -> None:
        more = await self.check()
        while more:
            await asyncio.sleep(NEXT_CLAIM_SECONDS)
            more = await self.check()

    async def _repeat(
        self, work: Callable[[], Awaitable[object]], seconds: float, asked: asyncio.Event
    ) -> None:
        """Do `work` now, every `seconds`, whenever `asked` is set, and again soon if it fails."""
        while True:
            asked.clear()
            begin = time.monotonic()
            try:
                await work()
                pause = max(seconds, UPKEEP_SHARE * (time.monotonic() - begin))
            except DatabaseUnavailable as error:
                log.warning("no upkeep: %s", error)
                pause = min(seconds, UPKEEP_RETRY_SECONDS)
            except Exception:
                log.exception("upkeep failed")
                pause = min(seconds, UPKEEP_RETRY_SECONDS)
            try:
                async with asyncio.timeout(pause):
                    await asked.wait()
            except TimeoutError:
                # Not asked for: time for the regular round.
                pass


class EngineThread:
    """An engine with its own event loop and thread, next to Celery's, until `close`."""

    def __init__(self, settings: Settings, *, health_name: str | None = None) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        self._closing: threading.Thread | None = None
        self._engine = self._run(self._make(settings, health_name), 10)

    def tell(self, message: Callable[[Engine], object]) -> None:
        """Call `message` with the engine, in the engine's thread, without waiting for it."""
        self._loop.call_soon_threadsafe(message, self._engine)

    def run(self, work: Callable[[Engine], Coroutine[Any, Any, T]], seconds: float) -> T:
        """Run `work` in the loop and return its result. Raises TimeoutError after `seconds`."""
        return self._run(work(self._engine), seconds)

    def begin_close(self, seconds: float) -> None:
        """Make the engine finish within about `seconds`, without waiting for it."""
        if self._closing is None:
            self._closing = threading.Thread(
                target=self._close, args=(seconds,), name="engine's end", daemon=True
            )
            self._closing.start()

    def close(self, seconds: float) -> None:
        """Make the engine finish within about `seconds`, then stop the loop."""
        self.begin_close(seconds)
        if self._closing is not None:
            self._closing.join()

    def _close(self, seconds: float) -> None:
        try:
            self._run(self._engine.close(seconds), seconds + CLOSE_SECONDS)
        except TimeoutError:
            log.warning("the engine did not end in time; its checks are left to their leases")
        except Exception:
            log.exception("the engine ended with an error")
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(1)

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    async def _make(self, settings: Settings, health_name: str | None) -> Engine:
        return Engine(settings, health_name=health_name)
