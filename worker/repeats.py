"""Keeps a library that repeats one message many times a second from filling the log."""

import logging
import time

# Seconds until a message that was logged may be logged again.
SECONDS = 30.0


class Repeats(logging.Filter):
    """Passes a message of a logger once in `seconds`, then with the number that was held back.

    The number is in the field `held_back`. Any other message passes at once, so that no new fault
    is hidden by an old one.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        # By message: until when it is held back, and how often it has been.
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        message = record.getMessage()
        now = time.monotonic()
        until, held_back = self._seen.get(message, (now, 0))
        if now < until:
            self._seen[message] = (until, held_back + 1)
            return False
        # Forget old messages: one that contains a number may never come again.
        oldest = now - self._seconds
        self._seen = {text: seen for text, seen in self._seen.items() if seen[0] > oldest}
        self._seen[message] = (now + self._seconds, 0)
        if held_back:
            record.held_back = held_back
        return True
