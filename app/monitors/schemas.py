"""Monitors as a client writes them."""

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from app.fields import Id, InputModel, Line, LocationName, Seconds
from app.probing.schemas import HttpSpec
from app.probing.targets import DnsTarget, TcpTarget
from app.probing.urls import parse_hostname

DEFAULT_TIMEOUT_SECONDS = 10.0

Label = Annotated[Line, AfterValidator(str.strip)]
"""A line that is compared as a whole, so blanks around it are removed."""

MAX_TAGS = 20
Tags = Annotated[
    list[Annotated[Label, Field(max_length=50)]],
    Field(max_length=MAX_TAGS),
    AfterValidator(lambda tags: list(dict.fromkeys(tags))),
]

MAX_LOCATIONS = 20
Locations = Annotated[
    list[LocationName],
    Field(max_length=MAX_LOCATIONS),
    AfterValidator(lambda names: list(dict.fromkeys(names))),
]

Host = Annotated[Line, Field(min_length=1, max_length=253), AfterValidator(parse_hostname)]


class MonitorCommon(InputModel):
    """The fields of every kind of monitor."""

    name: Annotated[Line, Field(min_length=1, max_length=200)] = Field(examples=["Shop"])
    group: Annotated[Label, Field(max_length=100)] | None = Field(
        default=None, description="The heading under which it is listed.", examples=["Payments"]
    )
    tags: Tags = Field(
        default_factory=list,
        description="Words to find it by; duplicates are removed.",
        examples=[["production", "eu"]],
    )
    channel_ids: Annotated[list[Id], Field(max_length=100)] | None = Field(
        default=None, description="The channels to notify; null: all of them."
    )


class Probed(MonitorCommon):
    """The fields of all kinds whose targets are probed."""

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
    locations: Locations = Field(
        default_factory=list,
        description="Where it is checked from, by workers with these values of LOCATION; if empty, "
        "by workers without one.",
        examples=[["frankfurt", "virginia"]],
    )
    min_failing_locations: Annotated[int, Field(ge=1)] = Field(
        default=1,
        description="How many of its locations must see it fail until it is down; locations that "
        "have long been silent are not waited for.",
    )

    @field_validator("min_failing_locations")
    @classmethod
    def _so_many_locations(cls, value: int, info: ValidationInfo) -> int:
        locations = info.data.get("locations")
        if locations is not None and value > max(len(locations), 1):
            raise ValueError(f"it must not be more than the number of locations, {len(locations)}")
        return value

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
        """Return the target, for the prober."""
        return TcpTarget(self.host, self.port)


class DnsMonitorIn(Probed):
    """A name that must have a record."""

    kind: Literal["dns"]
    hostname: Host = Field(examples=["example.com"])
    record_type: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"] = "A"
    expected: Annotated[Line, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="The value that one of its records must have; null: any."
    )

    def target(self) -> DnsTarget:
        """Return the target, for the prober."""
        return DnsTarget(self.hostname, self.record_type, self.expected)


class HeartbeatMonitorIn(MonitorCommon):
    """A job that calls /ping/TOKEN after every run; if it is late, the monitor is down."""

    kind: Literal["heartbeat"]
    period_seconds: Annotated[int, Field(ge=5, le=31 * 86400)] = Field(
        examples=[3600], description="Time between two calls."
    )
    grace_seconds: Annotated[int, Field(ge=0, le=86400)] = Field(
        default=60, description="How late a call may be."
    )


ProbedMonitorIn = HttpMonitorIn | TcpMonitorIn | DnsMonitorIn
MonitorIn = Annotated[ProbedMonitorIn | HeartbeatMonitorIn, Field(discriminator="kind")]
MONITOR_IN: TypeAdapter[MonitorIn] = TypeAdapter(MonitorIn)
PROBED_KINDS: dict[str, type[Probed]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(ProbedMonitorIn)
}
KINDS = frozenset({*PROBED_KINDS, "heartbeat"})
MANY = 1000
"""The most monitors in one request."""


class MonitorsIn(InputModel):
    """Monitors to be added together."""

    monitors: Annotated[list[MonitorIn], Field(min_length=1, max_length=MANY)]


class ActionIn(InputModel):
    """An action on many monitors."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "pause", "ids": [1, 2, 3]},
                {"action": "tag", "ids": [1, 2], "add_tags": ["eu"], "remove_tags": ["new"]},
            ]
        },
    )

    action: Literal["pause", "resume", "delete", "tag"]
    ids: Annotated[list[Id], Field(min_length=1, max_length=MANY)]
    remove_tags: Tags = Field(default_factory=list)
    add_tags: Tags = Field(default_factory=list)

    @field_validator("remove_tags", "add_tags")
    @classmethod
    def _of_tagging(cls, tags: list[str], info: ValidationInfo) -> list[str]:
        if tags and info.data.get("action") not in ("tag", None):
            raise ValueError("it is only for the action tag")
        return tags

    @field_validator("add_tags")
    @classmethod
    def _not_both(cls, tags: list[str], info: ValidationInfo) -> list[str]:
        if both := set(tags) & set(info.data.get("remove_tags", ())):
            raise ValueError(f"{min(both)!r} is in remove_tags as well")
        return tags


EXAMPLES: dict[str, Any] = {
    "http": {
        "value": {
            "name": "Shop",
            "kind": "http",
            "url": "https://example.com/health",
            "interval_seconds": 30,
            "timeout_seconds": 5,
            "keyword": "ok",
            "group": "Payments",
            "tags": ["production", "eu"],
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
BULK_EXAMPLES: dict[str, Any] = {
    "list": {"value": {"monitors": [EXAMPLES[kind]["value"] for kind in ("http", "tcp")]}}
}
