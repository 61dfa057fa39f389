"""Rounds of work in an event loop: when they are asked for, and every two seconds anyway."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.database import DatabaseUnavailable

log = logging.getLogger(__name__)

# Seconds between two rounds when nothing wakes, and after one that failed.
POLL_SECONDS = 2.0
# Seconds that the end waits for a round under way.
STOP_SECONDS = 2.0


class Rounds:
    """Calls `work` from `start` to `stop`, one round after the other, whatever becomes of one.

    `what`: the work's name, for the log.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        self._work = work
        self._what = what
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._working = asyncio.create_task(self._go_round())

    def wake(self) -> None:
        """Begin a round now. Only to be called in the event loop."""
        self._woken.set()

    async def stop(self) -> bool:
        """Begin no other round, and wait for the one under way; return whether any ever began."""
        if self._working is None:
            return False
        self._stopped.set()
        self._woken.set()
        # Broken off after the commit of a claim, it would leave what it has claimed to the lease.
        await asyncio.wait([self._working], timeout=STOP_SECONDS)
        self._working.cancel()
        # Waited for; that it ends as cancelled is no fault.
        await asyncio.gather(self._working, return_exceptions=True)
        return True

    async def _go_round(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                await self._work()
            except DatabaseUnavailable as error:
                log.warning("no %s: %s", self._what, error)
                # Wait before the next round, however often it is woken.
                await self._pause(self._stopped)
            except Exception:
                # A bug in one round must not be the end of all of them.
                log.exception("%s failed", self._what)
                await self._pause(self._stopped)
            if not self._stopped.is_set():
                await self._pause(self._woken)

    async def _pause(self, end: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await end.wait()
        except TimeoutError:
            # Nobody has woken it: time for the next round.
            return
