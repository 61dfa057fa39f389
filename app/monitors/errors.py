"""Errors of requests about monitors."""

from app.errors import ConflictError, NotFoundError


class MonitorNotFoundError(NotFoundError):
    """There is no such monitor."""

    def __init__(self, monitor_id: int) -> None:
        super().__init__(f"There is no monitor {monitor_id}.")


class UnreadableMonitorError(ConflictError):
    """The stored configuration does not follow this version's rules."""

    def __init__(self, monitor_id: int) -> None:
        super().__init__(
            f"The configuration of monitor {monitor_id} was stored by another version and can't be "
            "read by this one; replace it with PUT."
        )


class HeartbeatNotCheckedError(ConflictError):
    """A heartbeat has no target to check."""

    def __init__(self) -> None:
        super().__init__("A heartbeat can't be checked: its job calls Stagewatch instead.")
