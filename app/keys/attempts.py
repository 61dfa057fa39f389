"""Wrong keys by the address that sent them, so that guessing is slow and costs us little."""

import math
import time

from app.keys.tokens import digest

# Different wrong keys that an address may send within a window of this many seconds.
ALLOWED = 10
WINDOW_SECONDS = 60.0
# Addresses that are remembered. An attack from more than these can't be stopped by counting.
MAX_ADDRESSES = 10_000


class FailedAttempts:
    """Remembers wrong keys in this process only, because the limit must hold without Redis.

    With several processes, an address has this many attempts in each, which makes no difference
    against 256 random bits. What matters is the load kept off the database. A wrong key stays
    wrong, so a script that keeps sending a revoked key is refused without a query, and uses up only
    one of the attempts that clients behind the same address share.
    """

    def __init__(self) -> None:
        # By address: when its window ends, and what was wrong with its keys, by their digests.
        self._failed: dict[str, tuple[float, dict[bytes, str]]] = {}

    def note(self, address: str, token: str, fault: str) -> None:
        """Remember what is wrong with a key."""
        now = time.monotonic()
        until, faults = self._failed.get(address, (0.0, {}))
        if until <= now:
            self._make_room(now)
            until, faults = now + WINDOW_SECONDS, {}
        faults[digest(token)] = fault
        self._failed[address] = (until, faults)

    def fault(self, address: str, token: str) -> str | None:
        """Return what was recently wrong with a key; None if that is not known."""
        until, faults = self._failed.get(address, (0.0, {}))
        return faults.get(digest(token)) if faults and time.monotonic() < until else None

    def wait(self, address: str) -> int:
        """Return the seconds until an address may send an unknown key again; 0: now."""
        until, faults = self._failed.get(address, (0.0, {}))
        left = until - time.monotonic()
        return math.ceil(left) if len(faults) >= ALLOWED and left > 0 else 0

    def _make_room(self, now: float) -> None:
        if len(self._failed) < MAX_ADDRESSES:
            return
        self._failed = {address: entry for address, entry in self._failed.items() if entry[0] > now}
        if len(self._failed) >= MAX_ADDRESSES:
            self._failed.clear()
