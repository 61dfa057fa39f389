"""Maintenance windows as a client writes and reads them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from app.fields import Id, InputModel, Line
from app.maintenance.models import MaintenanceWindow
from app.maintenance.recurrence import Period, Recurrence, not_a_number

# Longer windows are mistakes; a monitor that is never to be watched is better paused.
LONGEST = timedelta(days=366)

Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(not_a_number)]


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


Ids = Annotated[list[Id], Field(max_length=1000), AfterValidator(sorted), AfterValidator(_distinct)]
Names = Annotated[
    list[Annotated[Line, AfterValidator(str.strip), Field(max_length=100)]],
    Field(max_length=100),
    AfterValidator(_distinct),
]

_ONCE: dict[str, Any] = {
    "name": "New switches",
    "groups": ["Payments"],
    "starts_at": "2026-12-05T22:00:00Z",
    "ends_at": "2026-12-06T01:00:00Z",
}
_RECURRING: dict[str, Any] = {
    "name": "Updates",
    "tags": ["production"],
    "recurrence": {
        "frequency": "weekly",
        "weekdays": ["sunday"],
        "start_time": "02:30",
        "duration_minutes": 90,
        "time_zone": "Europe/Berlin",
    },
}


class WindowIn(InputModel):
    """A window for the monitors that it lists, those in its groups and those with its tags.

    It happens once, from `starts_at` until `ends_at`, or repeatedly, as `recurrence` says.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ONCE, _RECURRING]})

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    all: bool = Field(default=False, description="For all monitors, including future ones.")
    groups: Names = Field(default_factory=list)
    tags: Names = Field(default_factory=list, description="A monitor needs only one of them.")
    monitors: Ids = Field(default_factory=list, validate_default=True)
    recurrence: Recurrence | None = None
    starts_at: Moment | None = Field(default=None, validate_default=True)
    ends_at: Moment | None = Field(default=None, validate_default=True)

    # The order of the fields matters: a validator only sees those before its own.
    @field_validator("monitors")
    @classmethod
    def _for_some(cls, monitors: list[int], info: ValidationInfo) -> list[int]:
        if not {"all", "groups", "tags"} <= info.data.keys():
            return monitors
        named = bool(monitors or info.data["groups"] or info.data["tags"])
        if info.data["all"] and named:
            raise ValueError("a window for all monitors can't name monitors, groups or tags")
        if not info.data["all"] and not named:
            raise ValueError("name monitors, groups or tags, or set all")
        return monitors

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _once(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        if "recurrence" not in info.data:
            return moment
        if info.data["recurrence"] is not None and moment is not None:
            raise ValueError("a recurring window gets its times from recurrence")
        if info.data["recurrence"] is None and moment is None:
            raise ValueError("a window needs starts_at and ends_at, or recurrence")
        return moment

    @field_validator("ends_at")
    @classmethod
    def _in_order(cls, ends_at: datetime | None, info: ValidationInfo) -> datetime | None:
        starts_at = info.data.get("starts_at")
        if ends_at is not None and starts_at is not None:
            if ends_at <= starts_at:
                raise ValueError("it must be later than starts_at")
            if ends_at - starts_at > LONGEST:
                raise ValueError(f"a window can last at most {LONGEST.days} days")
        return ends_at


class PeriodOut(BaseModel):
    """One occurrence of a window."""

    model_config = ConfigDict(from_attributes=True)

    starts_at: AwareDatetime
    ends_at: AwareDatetime


class WindowOut(BaseModel):
    """A window. `period` is the current one, or else the next; null if there are no more.

    Stored values are not validated on output: a newer version may have other rules.
    """

    id: int
    name: str
    all: bool
    monitors: list[int]
    groups: list[str]
    tags: list[str]
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    recurrence: dict[str, Any] | None = Field(examples=[_RECURRING["recurrence"]])
    running: bool
    period: PeriodOut | None
    created_at: AwareDatetime


class NowIn(InputModel):
    """How long a monitor is to be in maintenance, from now on."""

    duration_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60


def window_out(
    window: MaintenanceWindow, monitors: Sequence[int], period: Period | None, *, running: bool
) -> WindowOut:
    """Return a stored window as a client sees it."""
    return WindowOut(
        id=window.id,
        name=window.name,
        all=window.all_monitors,
        monitors=list(monitors),
        groups=window.groups,
        tags=window.tags,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        recurrence=window.recurrence,
        running=running,
        period=PeriodOut.model_validate(period) if period else None,
        created_at=window.created_at,
    )
