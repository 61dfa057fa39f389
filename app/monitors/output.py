"""Monitors as a client reads them."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    ValidationError,
    computed_field,
    create_model,
)

from app.fields import Milliseconds
from app.locations.schemas import SeenFrom
from app.monitors.configuration import shown_config
from app.monitors.models import Monitor, State
from app.monitors.schemas import DEFAULT_TIMEOUT_SECONDS, PROBED_KINDS, Probed

# Not a Literal: a state stored by a newer version must be shown, not cause an error.
StateName = Annotated[
    str, Field(json_schema_extra={"examples": ["pending", "up", "down", "maintenance", "paused"]})
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
    group: str | None = None
    tags: list[str] = Field(default_factory=list)
    channel_ids: list[int] | None = None


class ProbedOut(OtherMonitorOut):
    """The fields of all kinds whose targets are probed."""

    interval_seconds: int = 60
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    confirmations: int = 2
    locations: list[str] = Field(default_factory=list)
    min_failing_locations: int = 1
    seen_from: list[SeenFrom] = Field(
        default_factory=list, description="Its state as seen from each of its locations, in order."
    )


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


def _derived(kind: str, model: type[Probed]) -> type[ProbedOut]:
    """Return the output model for monitors of a kind, derived from its input model."""
    fields: dict[str, Any] = {"kind": (Literal[kind], ...)}
    for name, field in model.model_fields.items():
        if name in ProbedOut.model_fields:
            continue
        shape = _shape(field.annotation)
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        fields[name] = (
            shape | None if field.is_required() else shape,
            Field(default=default, description=field.description, examples=field.examples),
        )
    return create_model(
        model.__name__.removesuffix("In") + "Out",
        __base__=ProbedOut,
        __module__=__name__,
        __doc__=f"A monitor of kind {kind} and its state.",
        **fields,
    )


def _shape(annotation: Any) -> Any:
    """Return a type without its constraints: the type itself, but not which values are valid."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is None:
        return annotation
    if origin is Annotated:
        return _shape(parts[0])
    if origin is Literal:
        return reduce(or_, {type(value): None for value in parts})
    shapes = [_shape(part) for part in parts]
    return reduce(or_, shapes) if origin in (Union, UnionType) else origin[*shapes]


_OUT: Mapping[str, type[OtherMonitorOut]] = {
    **{kind: _derived(kind, model) for kind, model in PROBED_KINDS.items()},
    "heartbeat": HeartbeatMonitorOut,
}
if TYPE_CHECKING:
    MonitorOut = OtherMonitorOut
else:
    # A type checker can't know this, but the API's description includes it.
    MonitorOut = reduce(or_, [*_OUT.values(), OtherMonitorOut])


class MonitorsOut(BaseModel):
    """Monitors, in the order in which they were sent."""

    items: list[MonitorOut]


class ActionOut(BaseModel):
    """The result of an action, by monitor id."""

    changed: list[int] = Field(description="Monitors that were changed.", examples=[[1, 3]])
    missing: list[int] = Field(description="Ids that do not exist.", examples=[[2]])


def monitor_out(
    monitor: Monitor,
    state: State,
    channel_ids: list[int] | None,
    seen_from: Sequence[SeenFrom] = (),
) -> MonitorOut:
    """Return a monitor and its state as a client sees them."""
    names = ["id", "created_at", "updated_at"] + ["token"] * (monitor.kind == "heartbeat")
    of_monitor = {name: getattr(monitor, name) for name in names}
    names = ["state", "since", "checked_at", "latency_ms", "error"]
    of_state = {name: getattr(state, name) for name in names}
    values = shown_config(monitor, channel_ids) | of_monitor | of_state
    values["seen_from"] = list(seen_from)
    model = _OUT.get(monitor.kind, OtherMonitorOut)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # Values of the wrong type are left out, and the defaults are shown.
        odd = {fault["loc"][0] for fault in error.errors()}
        return model.model_validate(
            {name: value for name, value in values.items() if name not in odd}
        )
