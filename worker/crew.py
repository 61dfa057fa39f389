"""Checker, deliverer and upkeep of one process, in one event loop; what wakes them is outside."""

import asyncio
import logging
from collections.abc import Callable

from app.database import Database, DatabaseUnavailable
from app.probing.guard import Guard
from app.probing.prober import Prober
from app.settings import Settings
from worker.checker import Checker
from worker.delivery import Deliverer
from worker.upkeep import keep_up

log = logging.getLogger(__name__)

# Connections: one claims, one stores, one delivers, one to spare.
POOL_SIZE = 4
# Seconds without being woken after which checks are claimed all the same: a broker or a beat
# that is down must not stop the monitoring.
PATIENCE_SECONDS = 5.0
# Seconds between two looks at the partitions, and after one that failed. A worker looks as soon
# as it starts: after a standstill of a week there is no partition for today.
UPKEEP_SECONDS = 3600.0
UPKEEP_RETRY_SECONDS = 10.0


class Crew:
    """Made inside the event loop that it works in.

    `on_notifications` is called when there is something to deliver.
    """

    def __init__(self, settings: Settings, on_notifications: Callable[[], object]) -> None:
        self._settings = settings
        self._database = Database(settings.database_url, pool_size=POOL_SIZE)
        self._prober = Prober(settings.allowed_networks, settings.nameservers or None)
        self._checker = Checker(
            self._database,
            self._prober,
            concurrency=settings.check_concurrency,
            on_notifications=on_notifications,
        )
        guard = Guard(settings.allowed_networks)
        self._deliverer = Deliverer(self._database, self._prober, guard)
        self._woken = asyncio.Event()
        self._watching = asyncio.create_task(self._work_unwoken())
        self._keeping_up = asyncio.create_task(self._keep_up_by_itself())

    async def check(self) -> bool:
        """Claim what is due; whether there may be more. Raises DatabaseUnavailable."""
        self._woken.set()
        return await self._checker.claim()

    async def deliver(self) -> bool:
        """Send what is due; whether there may be more. Raises DatabaseUnavailable."""
        return await self._deliverer.deliver()

    async def keep_up(self) -> None:
        """See to the partitions. Raises DatabaseUnavailable."""
        await keep_up(self._database, retention_days=self._settings.retention_days)

    async def close(self, seconds: float) -> None:
        """Finish, within about so many seconds."""
        self._watching.cancel()
        self._keeping_up.cancel()
        await asyncio.gather(self._watching, self._keeping_up, return_exceptions=True)
        await self._checker.drain(seconds)
        await self._prober.close()
        await self._database.close()

    async def _keep_up_by_itself(self) -> None:
        while True:
            pause = UPKEEP_SECONDS
            try:
                await self.keep_up()
            except DatabaseUnavailable as error:
                log.warning("no upkeep: %s", error)
                pause = UPKEEP_RETRY_SECONDS
            except Exception:
                # Without partitions no result can be stored, so it is tried again soon.
                log.exception("upkeep failed")
                pause = UPKEEP_RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _work_unwoken(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                await self._work_all()
            self._woken.clear()

    async def _work_all(self) -> None:
        log.debug("not woken for %g s; going on without", PATIENCE_SECONDS)
        try:
            while await self._checker.claim():
                pass
            while await self._deliverer.deliver():
                pass
        except DatabaseUnavailable as error:
            log.warning("nothing claimed: %s", error)
        except Exception:
            # The last resort must not be lost to a bug: it is logged, and tried again.
            log.exception("claiming failed by a fault of its own")
