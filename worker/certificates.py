"""When the certificates of monitors' targets expire, for the metrics."""

from app.metrics.definitions import CERTIFICATES


class Certificates:
    """The last date seen per monitor, for the first `limit` monitors that this worker checks.

    Another worker may have seen a later date: the latest counts. A deleted monitor stays until the
    worker ends; alert rules use only monitors still present in stagewatch_monitor_info.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: dict[int, float] = {}

    def note(self, monitor_id: int, expires: float | None) -> None:
        """Record a check's date, in seconds since the epoch; None if it had none."""
        if expires is None or self._seen.get(monitor_id) == expires:
            return
        if monitor_id not in self._seen and len(self._seen) >= self._limit:
            return
        self._seen[monitor_id] = expires
        CERTIFICATES.labels(str(monitor_id)).set(expires)
