"""Monitors as a client writes and reads them."""

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from app.fields import InputModel, Line, Milliseconds, Seconds
from app.monitors.models import Monitor, State
from app.probing.schemas import HttpSpec

# Not a Literal: a state stored by a newer version must be shown, not cause an error.
StateName = Annotated[
    str, Field(json_schema_extra={"examples": ["pending", "up", "down", "paused"]})
]

DEFAULT_TIMEOUT_SECONDS = 10.0


class MonitorCommon(InputModel):
    """The fields of every kind of monitor."""

    name: Annotated[Line, Field(min_length=1, max_length=200)] = Field(examples=["Shop"])
    interval_seconds: Annotated[int, Field(ge=5, le=86400)] = 60
    timeout_seconds: Annotated[Seconds, Field(ge=0.1, le=60)] = Field(
        default=DEFAULT_TIMEOUT_SECONDS,
        validate_default=True,
        description="Limits the whole check; at most the interval, which is also the default "
        "if it is under 10 seconds.",
    )
    confirmations: Annotated[int, Field(ge=1, le=10)] = Field(
        default=2, description="Consecutive failures, with quick retries, until it is down."
    )

    @field_validator("timeout_seconds", mode="wrap")
    @classmethod
    def _fits_in_the_interval(cls, value: Any, validate: Any, info: ValidationInfo) -> float:
        interval = info.data.get("interval_seconds")
        if value is DEFAULT_TIMEOUT_SECONDS and interval is not None:
            return float(min(value, interval))
        timeout: float = validate(value)
        if interval is not None and timeout > interval:
            raise ValueError("it must not be longer than interval_seconds")
        return timeout


class HttpMonitorIn(MonitorCommon, HttpSpec):
    """An HTTP request, sent every `interval_seconds`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Shop",
                    "kind": "http",
                    "url": "https://example.com/health",
                    "interval_seconds": 30,
                    "timeout_seconds": 5,
                    "keyword": "ok",
                }
            ]
        },
    )

    kind: Literal["http"]


MonitorIn = HttpMonitorIn


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


class HttpMonitorOut(MonitorState):
    """An HTTP monitor and its state.

    The fields are those of HttpMonitorIn without validation: a row that another version wrote by
    other rules is shown as it is, instead of breaking the list for every client.
    """

    name: str
    kind: str = Field(examples=["http"])
    interval_seconds: int
    timeout_seconds: float
    confirmations: int
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


MonitorOut = HttpMonitorOut

COMMON = frozenset({"kind", *MonitorCommon.model_fields})


def config_of(monitor: Monitor) -> dict[str, Any]:
    """Return a monitor's configuration as a client wrote it."""
    return {name: getattr(monitor, name) for name in COMMON} | monitor.spec


def monitor_out(monitor: Monitor, state: State) -> MonitorOut:
    """Return a monitor and its state as a client sees them."""
    of_monitor = {name: getattr(monitor, name) for name in ("id", "created_at", "updated_at")}
    names = ("state", "since", "checked_at", "latency_ms", "error")
    of_state = {name: getattr(state, name) for name in names}
    values = config_of(monitor) | of_monitor | of_state
    try:
        return MonitorOut.model_validate(values)
    except ValidationError as error:
        # Values of the wrong type are left out, and the defaults are shown.
        odd = {fault["loc"][0] for fault in error.errors()}
        return MonitorOut.model_validate(
            {name: value for name, value in values.items() if name not in odd}
        )
