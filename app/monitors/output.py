"""Monitors as a client reads them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, computed_field

from app.fields import Milliseconds
from app.monitors.configuration import shown_config
from app.monitors.models import Monitor, State
from app.monitors.schemas import DEFAULT_TIMEOUT_SECONDS

# Not a Literal: a state stored by a newer version must be shown, not cause an error.
StateName = Annotated[
    str, Field(json_schema_extra={"examples": ["pending", "up", "down", "paused"]})
]


class MonitorState(BaseModel):
    """What Stagewatch adds to a monitor: its id and its state."""

    id: int
    state: StateName
    since: AwareDatetime = Field(description="When it entered this state.")
    checked_at: AwareDatetime | None = Field(description="When it was last checked.")
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    error: str | None = Field(description="Why its last check failed; null if it did not.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


# The following models have the fields of those above without validation: a row that another version
# wrote by other rules is shown as it is, instead of breaking the list for every client.


class OtherMonitorOut(MonitorState):
    """A monitor of a kind unknown to this version, and the fields that all kinds have."""

    name: str
    kind: str
    channel_ids: list[int] | None = None


class ProbedOut(OtherMonitorOut):
    """The fields of all kinds whose targets are probed."""

    interval_seconds: int = 60
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    confirmations: int = 2


class HttpMonitorOut(ProbedOut):
    """An HTTP monitor and its state."""

    kind: Literal["http"]
    url: str | None = Field(default=None, examples=["https://example.com/health"])
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    accepted_status_codes: list[str | int] = ["200-299"]
    keyword: str | None = None
    keyword_absent: bool = False
    json_path: str | None = None
    json_value: str | bool | int | float | None = None
    follow_redirects: bool = True
    verify_tls: bool = True
    certificate_days: int | None = None


class TcpMonitorOut(ProbedOut):
    """A TCP monitor and its state."""

    kind: Literal["tcp"]
    host: str | None = None
    port: int | None = None


class DnsMonitorOut(ProbedOut):
    """A DNS monitor and its state."""

    kind: Literal["dns"]
    hostname: str | None = None
    record_type: str = "A"
    expected: str | None = None


class HeartbeatMonitorOut(OtherMonitorOut):
    """A heartbeat monitor, its state, and the token to call it with."""

    kind: Literal["heartbeat"]
    period_seconds: int | None = None
    grace_seconds: int = 60
    token: str

    @computed_field  # type: ignore[prop-decorator]  # as in Pydantic's documentation
    @property
    def ping_path(self) -> str:
        """The path that the job must call."""
        return f"/ping/{self.token}"


MonitorOut = HttpMonitorOut | TcpMonitorOut | DnsMonitorOut | HeartbeatMonitorOut | OtherMonitorOut
_OUT: dict[str, type[MonitorOut]] = {
    "http": HttpMonitorOut,
    "tcp": TcpMonitorOut,
    "dns": DnsMonitorOut,
    "heartbeat": HeartbeatMonitorOut,
}


def monitor_out(monitor: Monitor, state: State, channel_ids: list[int] | None) -> MonitorOut:
    """Return a monitor and its state as a client sees them."""
    names = ["id", "created_at", "updated_at"] + ["token"] * (monitor.kind == "heartbeat")
    of_monitor = {name: getattr(monitor, name) for name in names}
    names = ["state", "since", "checked_at", "latency_ms", "error"]
    of_state = {name: getattr(state, name) for name in names}
    values = shown_config(monitor, channel_ids) | of_monitor | of_state
    model = _OUT.get(monitor.kind, OtherMonitorOut)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # Values of the wrong type are left out, and the defaults are shown.
        odd = {fault["loc"][0] for fault in error.errors()}
        return model.model_validate(
            {name: value for name, value in values.items() if name not in odd}
        )
