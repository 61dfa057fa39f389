"""When a window comes again: by the clock on the wall of a place, which is put forward and back.

A start that the clock skips in spring, and one that it shows twice in autumn, are taken as RFC 5545
has it (3.3.5): by the offset from before the change, so it begins as long after midnight as on
other days, and of two it is the first. How long it lasts is elapsed time, the same on every day.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from app.fields import InputModel, Line

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

DAY = timedelta(days=1)
# Longer ones would run into the next.
_MAX_MINUTES = {"daily": 24 * 60, "weekly": 7 * 24 * 60, "monthly": 7 * 24 * 60}


class Period(NamedTuple):
    """A window's time: from `starts_at` on, and at `ends_at` no more."""

    starts_at: datetime
    ends_at: datetime


@cache
def _time_zones() -> frozenset[str]:
    # It looks through hundreds of files.
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("it is not a time zone of the IANA database, as Europe/Berlin is")
    return name


def not_a_number(value: Any) -> Any:
    """Refuse what Pydantic would take for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("it must be a text, as 2026-12-31")
    return value


Day = Annotated[date, Field(strict=False), BeforeValidator(not_a_number)]


class Recurrence(InputModel):
    """Daily, weekly or monthly, at a time of day in a time zone."""

    frequency: Literal["daily", "weekly", "monthly"]
    weekdays: list[Weekday] = Field(
        default_factory=list,
        validate_default=True,
        description="Weekly: the days on which it begins.",
        examples=[["saturday", "sunday"]],
    )
    day: Annotated[int, Field(ge=1, le=31)] | None = Field(
        default=None,
        validate_default=True,
        description="Monthly: the day on which it begins; in a shorter month, the last one.",
    )
    start_time: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        description="Hours and minutes by the clock of the time zone.", examples=["02:30"]
    )
    duration_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = Field(
        description="How long it lasts: up to a day if daily, else up to a week.", examples=[60]
    )
    time_zone: Annotated[Line, AfterValidator(_known_zone)] = Field(
        description="Of the IANA database.", examples=["Europe/Berlin"]
    )
    until: Day | None = Field(
        default=None, description="The last day on which it may begin; null: it goes on."
    )

    @field_validator("weekdays")
    @classmethod
    def _of_a_week(cls, weekdays: list[Weekday], info: ValidationInfo) -> list[Weekday]:
        _fits("weekly", info, given=bool(weekdays), wanted="name the days on which it begins")
        return sorted(set(weekdays), key=WEEKDAYS.index)

    @field_validator("day")
    @classmethod
    def _of_a_month(cls, day: int | None, info: ValidationInfo) -> int | None:
        _fits("monthly", info, given=day is not None, wanted="name the day on which it begins")
        return day

    @field_validator("duration_minutes")
    @classmethod
    def _before_the_next(cls, minutes: int, info: ValidationInfo) -> int:
        most = _MAX_MINUTES.get(info.data.get("frequency", ""), minutes)
        if minutes > most:
            raise ValueError(f"a daily one lasts {most} minutes at the most")
        return minutes

    def periods(self, after: datetime, before: datetime) -> Iterator[Period]:
        """Yield what is between two moments or partly so, in order; times in UTC."""
        zone = ZoneInfo(self.time_zone)
        length = timedelta(minutes=self.duration_minutes)
        # A day more on both sides, because a day there begins up to 14 hours before one in UTC.
        day = (after - length).astimezone(UTC).date() - DAY
        last = min(before.astimezone(UTC).date() + DAY, self.until or date.max)
        at = time.fromisoformat(self.start_time)
        seen = after - length
        while day <= last:
            if self._begins_on(day):
                # Of fold=0, by which Python takes skipped and repeated times as RFC 5545 does.
                starts_at = datetime.combine(day, at, zone).astimezone(UTC)
                # Later than the one before: where a zone leaves out a whole day, as Samoa did to
                # cross the date line, that of the day left out is that of the next.
                if seen < starts_at < before:
                    yield Period(starts_at, starts_at + length)
                    seen = starts_at
            day += DAY

    def _begins_on(self, day: date) -> bool:
        match self.frequency:
            case "weekly":
                return WEEKDAYS[day.weekday()] in self.weekdays
            case "monthly":
                last = calendar.monthrange(day.year, day.month)[1]
                return day.day == min(self.day or 1, last)
            case _:
                return True


def _fits(frequency: str, info: ValidationInfo, *, given: bool, wanted: str) -> None:
    chosen = info.data.get("frequency")
    if chosen is None:
        return
    if given and chosen != frequency:
        raise ValueError(f"it is for frequency {frequency} only")
    if not given and chosen == frequency:
        raise ValueError(wanted)
