"""Counts the checker's own faults and reports them in the log and to the health check."""

import logging
import time

from worker import health
from worker.throttle import Throttle

log = logging.getLogger(__name__)

# Seconds between two log lines, and between two notes for the health check.
WARN_SECONDS = 10.0
NOTE_SECONDS = 1.0


class Faults:
    """Checks that could not be made, from the first one until a check succeeds again.

    `name` is the name for worker.health; None: nothing is recorded there.
    """

    def __init__(self, name: str | None = None) -> None:
        self._health = health.FaultNote(name) if name else None
        self._since: float | None = None
        self._count = 0
        self._warn = Throttle(WARN_SECONDS)
        self._noting = Throttle(NOTE_SECONDS)
        self.total = 0

    def note(self, reason: str) -> None:
        """Count a check that could not be made."""
        self._count += 1
        self.total += 1
        if self._since is None:
            self._since = time.time()
        if self._warn.ready():
            log.warning("%d checks could not be made: %s", self._count, reason)
            self._count = 0
        if self._health and self._noting.ready():
            self._health.write(reason, self._since)

    def clear(self) -> None:
        """Record a successful check."""
        if self._since is None:
            return
        self._since = None
        self._count = 0
        if self._health:
            self._health.clear()
            self._noting = Throttle(NOTE_SECONDS)

    def close(self) -> None:
        """Close the note for the health check."""
        if self._health:
            self._health.close()
