"""How time is split into hours, and how much of it was observed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.checks.observed import PATIENCE_SECONDS, Portion, hour_of, observed

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_time_within_an_hour_is_one_portion() -> None:
    assert observed("up", after(60), after(90), expected_seconds=60) == [Portion(NOON, 30_000, 0)]


def test_time_over_the_full_hour_is_split_there() -> None:
    assert observed("down", after(3590), after(3605), expected_seconds=60) == [
        Portion(NOON, 0, 10_000),
        Portion(NOON + timedelta(hours=1), 0, 5_000),
    ]


@pytest.mark.parametrize(
    "midnight",
    [
        datetime(2026, 11, 25, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2028, 3, 1, tzinfo=UTC),
    ],
)
def test_no_time_is_lost_over_days_months_and_leap_days(midnight: datetime) -> None:
    begin, end = midnight - timedelta(hours=30), midnight + timedelta(hours=30, seconds=1)

    portions = observed("up", begin, end, expected_seconds=7 * 86400)

    assert sum(portion.up_ms for portion in portions) == 60 * 3_600_000 + 1000
    assert max(portion.up_ms for portion in portions) == 3_600_000
    assert len({portion.hour for portion in portions}) == 61


def test_time_after_the_expected_next_check_is_unknown() -> None:
    [portion] = observed("up", NOON, after(3000), expected_seconds=70)

    assert portion.up_ms == 1000 * (70 + PATIENCE_SECONDS)


@pytest.mark.parametrize("state", ["pending", "paused"])
def test_a_state_that_is_neither_up_nor_down_does_not_count(state: str) -> None:
    assert observed(state, NOON, after(60), expected_seconds=60) == []


def test_first_and_out_of_order_results_add_no_time() -> None:
    assert observed("up", None, NOON, expected_seconds=60) == []
    assert observed("up", after(1), NOON, expected_seconds=60) == []


def test_hours_are_utc_hours() -> None:
    nepal = timezone(timedelta(hours=5, minutes=45))

    assert hour_of(NOON.astimezone(nepal)) == NOON


def test_time_before_the_state_was_entered_does_not_count() -> None:
    found = observed("up", after(0), after(60), expected_seconds=60, entered=after(20))

    assert found == [Portion(NOON, 40_000, 0)]


def test_a_state_that_was_entered_by_a_clock_that_was_ahead_counts_all_the_same() -> None:
    found = observed("up", after(0), after(60), expected_seconds=60, entered=after(86400))

    assert found == [Portion(NOON, 60_000, 0)]
