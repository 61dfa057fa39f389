"""When windows recur, especially on days with a clock change."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.maintenance.recurrence import Period, Recurrence

NIGHTLY: dict[str, Any] = {
    "frequency": "daily",
    "start_time": "02:30",
    "duration_minutes": 60,
    "time_zone": "Europe/Berlin",
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(recurrence: dict[str, Any], after: str, before: str) -> list[str]:
    periods = Recurrence.model_validate(recurrence).periods(utc(after), utc(before))
    return [period.starts_at.strftime("%Y-%m-%d %H:%M") for period in periods]


def test_a_time_skipped_in_spring_is_as_long_after_midnight_as_on_other_days() -> None:
    # The clock skips from 02:00 to 03:00, so 02:30 of the previous offset is 03:30 of the new one.
    assert starts(NIGHTLY, "2026-03-28", "2026-03-31") == [
        "2026-03-28 01:30",
        "2026-03-29 01:30",
        "2026-03-30 00:30",
    ]


def test_a_time_repeated_in_autumn_counts_once_at_its_first_occurrence() -> None:
    assert starts(NIGHTLY, "2026-10-24", "2026-10-27") == [
        "2026-10-24 00:30",
        "2026-10-25 00:30",
        "2026-10-26 01:30",
    ]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_period_lasts_as_long_on_days_of_23_or_25_hours_as_on_others(day: str) -> None:
    [period] = Recurrence.model_validate(NIGHTLY).periods(utc(day), utc(day) + timedelta(hours=12))

    assert period.ends_at - period.starts_at == timedelta(minutes=60)


def test_a_day_that_a_time_zone_skips_has_no_period() -> None:
    # Samoa had no 30 December 2011.
    nightly = NIGHTLY | {"time_zone": "Pacific/Apia"}

    found = starts(nightly, "2011-12-29", "2012-01-01")

    assert len(found) == len(set(found))


def test_weekly_periods_use_the_weekdays_of_their_time_zone() -> None:
    weekly = NIGHTLY | {"frequency": "weekly", "weekdays": ["sunday", "monday"]}
    weekly["time_zone"] = "Pacific/Auckland"

    # 02:30 on a Monday in Auckland is Sunday afternoon in UTC.
    assert starts(weekly, "2026-07-03", "2026-07-11") == ["2026-07-04 14:30", "2026-07-05 14:30"]


def test_monthly_periods_fall_on_the_last_day_of_shorter_months() -> None:
    monthly = NIGHTLY | {"frequency": "monthly", "day": 31, "time_zone": "UTC"}

    assert starts(monthly, "2028-01-01", "2028-05-01") == [
        "2028-01-31 02:30",
        "2028-02-29 02:30",
        "2028-03-31 02:30",
        "2028-04-30 02:30",
    ]


def test_the_last_period_begins_on_the_until_date() -> None:
    until = NIGHTLY | {"until": "2026-07-02", "time_zone": "America/New_York"}

    assert starts(until, "2026-07-01", "2026-07-10") == ["2026-07-01 06:30", "2026-07-02 06:30"]


def test_a_period_that_began_earlier_is_found_while_it_lasts() -> None:
    weekly = NIGHTLY | {"frequency": "weekly", "weekdays": ["saturday"], "time_zone": "UTC"}
    recurrence = Recurrence.model_validate(weekly | {"duration_minutes": 7 * 24 * 60})
    saturday = utc("2026-07-04T02:30")

    assert list(recurrence.periods(saturday + timedelta(days=6), saturday + timedelta(days=7))) == [
        Period(saturday, saturday + timedelta(days=7))
    ]


def test_periods_are_the_same_for_any_part_of_the_range() -> None:
    recurrence = Recurrence.model_validate(NIGHTLY | {"until": date(2026, 12, 1)})
    begin, end = utc("2026-01-01"), utc("2027-01-01")
    whole = list(recurrence.periods(begin, end))
    parts = []
    while begin < end:
        parts += list(recurrence.periods(begin, begin + timedelta(hours=7)))
        begin += timedelta(hours=7)

    assert list(dict.fromkeys(parts)) == whole
    assert len(whole) == 335


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frequency": "yearly"}, "frequency"),
        ({"frequency": "weekly"}, "weekdays"),
        ({"frequency": "weekly", "weekdays": ["caturday"]}, "weekdays"),
        ({"weekdays": ["monday"]}, "weekdays"),
        ({"frequency": "monthly"}, "day"),
        ({"frequency": "monthly", "day": 32}, "day"),
        ({"day": 1}, "day"),
        ({"start_time": "24:00"}, "start_time"),
        ({"start_time": "2:30"}, "start_time"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 1441}, "duration_minutes"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"until": "soon"}, "until"),
        ({"until": 1767225600}, "until"),
        ({"color": "red"}, "color"),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Recurrence.model_validate(NIGHTLY | changes)

    assert [error["loc"][0] for error in refused.value.errors()] == [field]
