"""Where a check is, and how long each phase took."""

from time import perf_counter

from app.probing.result import Timings


class Stopwatch:
    """Collects the phases of one check, in milliseconds; `phase` names the one it is in.

    `status_code` is the last HTTP status that was received. It reads `perf_counter`, not the
    loop's clock: uvloop's has a resolution of one millisecond and stands still while callbacks
    run.
    """

    __slots__ = (
        "connect_ms",
        "dns_ms",
        "first_byte_ms",
        "phase",
        "started",
        "status_code",
        "tls_ms",
    )

    def __init__(self) -> None:
        self.started = perf_counter()
        self.phase = "starting"
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.first_byte_ms: float | None = None
        self.status_code: int | None = None

    def timings(self) -> Timings:
        """Return the phases so far, the total being the time since the start."""
        total_ms = (perf_counter() - self.started) * 1000
        return Timings(self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms, total_ms)


def added(so_far: float | None, since: float) -> float:
    """Return `so_far` milliseconds and those since the instant `since` of `perf_counter`."""
    return (so_far or 0.0) + (perf_counter() - since) * 1000
