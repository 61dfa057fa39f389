"""Monitors as a client writes and reads them."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    computed_field,
    field_validator,
)

from app.monitors.models import Monitor, State
from app.probing.schemas import HttpSpec, Line, Milliseconds, Seconds
from app.probing.targets import DnsTarget, TcpTarget
from app.probing.urls import parse_hostname

StateName = Literal["pending", "up", "down", "paused"]

DEFAULT_TIMEOUT_SECONDS = 10.0

Host = Annotated[Line, Field(min_length=1, max_length=253), AfterValidator(parse_hostname)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]


class MonitorCommon(BaseModel):
    """What every kind of monitor has."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=200)] = Field(examples=["Shop"])
    channel_ids: Annotated[list[Id], Field(max_length=100)] | None = Field(
        default=None, description="The channels that are told; null: all of them."
    )


class Probed(MonitorCommon):
    """What every kind has that we call."""

    interval_seconds: Annotated[int, Field(ge=5, le=86400)] = 60
    timeout_seconds: Annotated[Seconds, Field(ge=0.1, le=60)] = Field(
        default=DEFAULT_TIMEOUT_SECONDS,
        validate_default=True,
        description="Bounds the whole check; at most the interval, which is also the default "
        "where it is under 10 seconds.",
    )
    confirmations: Annotated[int, Field(ge=1, le=10)] = Field(
        default=2, description="Failures in a row, retried quickly, that make it down."
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


class HttpMonitorIn(Probed, HttpSpec):
    """An HTTP request, sent every `interval_seconds`."""

    kind: Literal["http"]


class TcpMonitorIn(Probed):
    """A port that must accept connections."""

    kind: Literal["tcp"]
    host: Host = Field(examples=["db.example.com"])
    port: Annotated[int, Field(ge=1, le=65535)] = Field(examples=[5432])

    def target(self) -> TcpTarget:
        """The same for the prober."""
        return TcpTarget(self.host, self.port)


class DnsMonitorIn(Probed):
    """A name that must have a record."""

    kind: Literal["dns"]
    hostname: Host = Field(examples=["example.com"])
    record_type: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"] = "A"
    expected: Annotated[Line, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="One of its records must be this; null: any will do."
    )

    def target(self) -> DnsTarget:
        """The same for the prober."""
        return DnsTarget(self.hostname, self.record_type, self.expected)


class HeartbeatMonitorIn(MonitorCommon):
    """A job that calls /ping/TOKEN each time it has run; late is down."""

    kind: Literal["heartbeat"]
    period_seconds: Annotated[int, Field(ge=5, le=31 * 86400)] = Field(
        examples=[3600], description="Time between two calls."
    )
    grace_seconds: Annotated[int, Field(ge=0, le=86400)] = Field(
        default=60, description="How late a call may be."
    )


MonitorIn = Annotated[
    HttpMonitorIn | TcpMonitorIn | DnsMonitorIn | HeartbeatMonitorIn, Field(discriminator="kind")
]
MONITOR_IN: TypeAdapter[MonitorIn] = TypeAdapter(MonitorIn)

EXAMPLES: dict[str, Any] = {
    "http": {
        "value": {
            "name": "Shop",
            "kind": "http",
            "url": "https://example.com/health",
            "interval_seconds": 30,
            "timeout_seconds": 5,
            "keyword": "ok",
        }
    },
    "tcp": {"value": {"name": "Database", "kind": "tcp", "host": "db.example.com", "port": 5432}},
    "dns": {
        "value": {"name": "Mail", "kind": "dns", "hostname": "example.com", "record_type": "MX"}
    },
    "heartbeat": {
        "value": {
            "name": "Nightly backup",
            "kind": "heartbeat",
            "period_seconds": 86400,
            "grace_seconds": 3600,
        }
    },
}


class MonitorState(BaseModel):
    """What Stagewatch adds to a monitor: its number and how it is."""

    id: int
    state: StateName
    since: AwareDatetime = Field(description="When it came into this state.")
    checked_at: AwareDatetime | None = Field(description="When it was last checked.")
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    error: str | None = Field(description="Why its last check failed; null if it did not.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class HttpMonitorOut(MonitorState, HttpMonitorIn):
    """An HTTP monitor and its state."""


class TcpMonitorOut(MonitorState, TcpMonitorIn):
    """A TCP monitor and its state."""


class DnsMonitorOut(MonitorState, DnsMonitorIn):
    """A DNS monitor and its state."""


class HeartbeatMonitorOut(MonitorState, HeartbeatMonitorIn):
    """A heartbeat monitor, its state, and the token to call it with."""

    token: str

    @computed_field  # type: ignore[prop-decorator]  # as Pydantic's documentation has it
    @property
    def ping_path(self) -> str:
        """The path that the job must call."""
        return f"/ping/{self.token}"


MonitorOut = Annotated[
    HttpMonitorOut | TcpMonitorOut | DnsMonitorOut | HeartbeatMonitorOut,
    Field(discriminator="kind"),
]
_MONITOR_OUT: TypeAdapter[MonitorOut] = TypeAdapter(MonitorOut)

# What has a column of its own; the rest is the kind's, and in `spec`.
_PROBED = frozenset({"kind", *Probed.model_fields})
_HEARTBEAT = frozenset({"kind", *MonitorCommon.model_fields})


def apply_config(monitor: Monitor, config: MonitorIn) -> None:
    """Write a configuration into a row."""
    values = config.model_dump(mode="json")
    if isinstance(config, HeartbeatMonitorIn):
        own = _HEARTBEAT
        monitor.interval_seconds = config.period_seconds
        monitor.timeout_seconds = 0.0
        monitor.confirmations = 1  # the grace is its patience
    else:
        own = _PROBED
    for name in own:
        setattr(monitor, name, values.pop(name))
    monitor.spec = values


def config_of(monitor: Monitor) -> dict[str, Any]:
    """A monitor's configuration, as a client wrote it."""
    own = _HEARTBEAT if monitor.kind == "heartbeat" else _PROBED
    return {name: getattr(monitor, name) for name in own} | monitor.spec


def monitor_out(monitor: Monitor, state: State) -> MonitorOut:
    """A monitor and its state, as a client reads them."""
    names = ["id", "created_at", "updated_at"] + ["token"] * (monitor.kind == "heartbeat")
    of_monitor = {name: getattr(monitor, name) for name in names}
    names = ["state", "since", "checked_at", "latency_ms", "error"]
    of_state = {name: getattr(state, name) for name in names}
    return _MONITOR_OUT.validate_python(config_of(monitor) | of_monitor | of_state)
