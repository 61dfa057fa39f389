"""Runs rounds of work in an event loop: on request, and every two seconds anyway."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.database import DatabaseUnavailable

log = logging.getLogger(__name__)

# Seconds between two rounds if nothing wakes the loop, and after a failed round.
POLL_SECONDS = 2.0
# Seconds that `stop` waits for a round in progress.
STOP_SECONDS = 2.0


class Rounds:
    """Calls `work` from `start` to `stop`, one round after the other, even if a round fails.

    `what` is the work's name in log messages.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        self._work = work
        self._what = what
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the rounds."""
        self._working = asyncio.create_task(self._go_round())

    def wake(self) -> None:
        """Start a round now. Call this only from the event loop."""
        self._woken.set()

    async def stop(self) -> bool:
        """Start no more rounds, wait for the current one, and return whether `start` was called."""
        if self._working is None:
            return False
        self._stopped.set()
        self._woken.set()
        # Interrupted after committing a claim, it would leave the claimed rows to their leases.
        await asyncio.wait([self._working], timeout=STOP_SECONDS)
        self._working.cancel()
        # Wait for it; ending as cancelled is not an error.
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
                # A bug in one round must not stop all later rounds.
                log.exception("%s failed", self._what)
                await self._pause(self._stopped)
            if not self._stopped.is_set():
                await self._pause(self._woken)

    async def _pause(self, end: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await end.wait()
        except TimeoutError:
            # Not woken: time for the next round.
            return
