"""Limits how often something is done, such as a line in the log."""

import time


class Throttle:
    """Lets one call in every `seconds` through."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def ready(self) -> bool:
        """Return whether the time since the last True has passed."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
