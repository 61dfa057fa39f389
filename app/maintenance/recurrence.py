"""When a window recurs: by the local time of a place, including daylight saving changes.

A start that is skipped in spring or occurs twice in autumn is handled as RFC 5545 (3.3.5) says: by
the offset from before the change. So it begins as long after midnight as on other days, and of two
occurrences the first is used. The duration is elapsed time, the same on every day.
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
# A longer window would overlap with the next one.
_MAX_MINUTES = {"daily": 24 * 60, "weekly": 7 * 24 * 60, "monthly": 7 * 24 * 60}


class Period(NamedTuple):
    """One occurrence of a window: from `starts_at` up to but not including `ends_at`."""

    starts_at: datetime
    ends_at: datetime


@cache
def _time_zones() -> frozenset[str]:
    # This searches hundreds of files.
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("it is not a time zone of the IANA database, such as Europe/Berlin")
    return name


def not_a_number(value: Any) -> Any:
    """Reject numbers, which Pydantic would take for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("it must be a string such as 2026-12-31")
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
        description="Monthly: the day on which it begins; in shorter months, the last day.",
    )
    start_time: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        description="Hours and minutes, in local time.", examples=["02:30"]
    )
    duration_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = Field(
        description="Elapsed time, also on days of 23 or 25 hours. Up to a day if daily, "
        "otherwise up to a week.",
        examples=[60],
    )
    time_zone: Annotated[Line, AfterValidator(_known_zone)] = Field(
        description="A name in the IANA database.", examples=["Europe/Berlin"]
    )
    until: Day | None = Field(
        default=None, description="The last day on which it can begin; null: no end."
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
        limit = _MAX_MINUTES.get(info.data.get("frequency", ""), minutes)
        if minutes > limit:
            raise ValueError(f"a daily window can last at most {limit} minutes")
        return minutes

    def periods(self, after: datetime, before: datetime) -> Iterator[Period]:
        """Yield the periods that overlap with this range, in order; times in UTC."""
        zone = ZoneInfo(self.time_zone)
        length = timedelta(minutes=self.duration_minutes)
        # One day more on either side, because a local day begins up to 14 hours before that in UTC.
        day = (after - length).astimezone(UTC).date() - DAY
        last = min(before.astimezone(UTC).date() + DAY, self.until or date.max)
        at = time.fromisoformat(self.start_time)
        seen = after - length
        while day <= last:
            if self._begins_on(day):
                # With fold=0, Python treats skipped and repeated times as RFC 5545 does.
                starts_at = datetime.combine(day, at, zone).astimezone(UTC)
                # Later than the last one: where a zone skips a whole day, as Samoa did to cross
                # the date line, the skipped day's period is the same as the next day's.
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
        raise ValueError(f"it is only for the frequency {frequency}")
    if not given and chosen == frequency:
        raise ValueError(wanted)
