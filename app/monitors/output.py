"""Monitors as a client reads them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from app.fields import Milliseconds
from app.monitors.configuration import config_of
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


MonitorOut = HttpMonitorOut | OtherMonitorOut
_OUT: dict[str, type[MonitorOut]] = {"http": HttpMonitorOut}


def monitor_out(monitor: Monitor, state: State) -> MonitorOut:
    """Return a monitor and its state as a client sees them."""
    names = ["id", "created_at", "updated_at"]
    of_monitor = {name: getattr(monitor, name) for name in names}
    names = ["state", "since", "checked_at", "latency_ms", "error"]
    of_state = {name: getattr(state, name) for name in names}
    values = config_of(monitor) | of_monitor | of_state
    model = _OUT.get(monitor.kind, OtherMonitorOut)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # Values of the wrong type are left out, and the defaults are shown.
        odd = {fault["loc"][0] for fault in error.errors()}
        return model.model_validate(
            {name: value for name, value in values.items() if name not in odd}
        )
