"""When the certificates of monitors' targets expire, for the metrics."""

from app.metrics.definitions import CERTIFICATES


class Certificates:
    """The last date seen for a monitor, of the first `limit` monitors that this worker checks.

    Another worker may have seen a later one: the latest counts. A monitor that is deleted stays
    until the worker ends; rules take only those that stagewatch_monitor_info still names.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: dict[int, float] = {}

    def note(self, monitor_id: int, expires: float | None) -> None:
        """Take the date of a check, in seconds since the epoch; None where it had none."""
        if expires is None or self._seen.get(monitor_id) == expires:
            return
        if monitor_id not in self._seen and len(self._seen) >= self._limit:
            return
        self._seen[monitor_id] = expires
        CERTIFICATES.labels(str(monitor_id)).set(expires)
