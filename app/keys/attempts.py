"""Keys that nobody has, by the address that sent them: guessing is slow, and costs us little."""

import math
import time

from app.keys.tokens import digest

# Different wrong keys that an address may send within a window of so many seconds.
ALLOWED = 10
WINDOW_SECONDS = 60.0
# Addresses that are remembered. Of more, an attack comes from everywhere, and no count stops it.
MAX_ADDRESSES = 10_000


class FailedAttempts:
    """Remembers wrong keys in this process alone, because it must hold without Redis.

    With several processes an address has as many attempts in each: against 256 random bits that
    makes no difference. What is kept from the database is. A key that is wrong stays so, thus a
    script that goes on with a revoked one guesses nothing: it is refused, asks the database
    nothing, and takes one attempt of those behind the same address.
    """

    def __init__(self) -> None:
        # When its window ends, and the digests of what it sent in it with what was wrong.
        self._failed: dict[str, tuple[float, dict[bytes, str]]] = {}

    def note(self, address: str, token: str, fault: str) -> None:
        """Note what is wrong with a key."""
        now = time.monotonic()
        until, faults = self._failed.get(address, (0.0, {}))
        if until <= now:
            self._make_room(now)
            until, faults = now + WINDOW_SECONDS, {}
        faults[digest(token)] = fault
        self._failed[address] = (until, faults)

    def fault(self, address: str, token: str) -> str | None:
        """Return what was wrong with a key a moment ago; None if that is not known."""
        until, faults = self._failed.get(address, (0.0, {}))
        return faults.get(digest(token)) if faults and time.monotonic() < until else None

    def wait(self, address: str) -> int:
        """Return the seconds after which an address may send an unknown key again; 0: now."""
        until, faults = self._failed.get(address, (0.0, {}))
        left = until - time.monotonic()
        return math.ceil(left) if len(faults) >= ALLOWED and left > 0 else 0

    def _make_room(self, now: float) -> None:
        if len(self._failed) < MAX_ADDRESSES:
            return
        self._failed = {address: entry for address, entry in self._failed.items() if entry[0] > now}
        if len(self._failed) >= MAX_ADDRESSES:
            self._failed.clear()
