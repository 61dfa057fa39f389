"""Errors of requests about monitors."""

from app.errors import ConflictError, NotFoundError


class MonitorNotFoundError(NotFoundError):
    """There is no such monitor."""

    def __init__(self, monitor_id: int) -> None:
        super().__init__(f"There is no monitor {monitor_id}.")


class UnreadableMonitorError(ConflictError):
    """The stored configuration follows other rules than this version's."""

    def __init__(self, monitor_id: int) -> None:
        super().__init__(
            f"The configuration of monitor {monitor_id} was stored by another version, which this "
            "one can't read; replace it with PUT."
        )


class HeartbeatNotCheckedError(ConflictError):
    """A heartbeat has no target."""

    def __init__(self) -> None:
        super().__init__("A heartbeat can't be checked: it is the watched job that calls.")
