"""When the next check is due, and what percentiles are made of."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from app.checks.histogram import BUCKETS, bucket, percentile
from app.checks.schedule import CONFIRM_SECONDS, next_due, next_slot
from app.checks.transition import Standing, transition

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("interval", [5, 7, 60, 86400])
@pytest.mark.parametrize("monitor_id", [1, 2, 999_999])
def test_slots_are_exactly_an_interval_apart(interval: int, monitor_id: int) -> None:
    slot = next_slot(monitor_id, interval, NOON)

    for _ in range(1000):
        following = next_slot(monitor_id, interval, slot)
        assert following - slot == timedelta(seconds=interval)
        slot = following


def test_a_thousand_monitors_are_spread_evenly_over_their_interval() -> None:
    slots = [next_slot(number, 10, NOON) - NOON for number in range(1, 1001)]

    in_each_second = [sum(s <= slot.total_seconds() < s + 1 for slot in slots) for s in range(10)]
    assert min(in_each_second) >= 98
    assert max(in_each_second) <= 102


def due(scheduled: float, checked: float, *, unconfirmed: bool = False) -> datetime:
    return next_due(
        1,
        60,
        scheduled_at=SLOT + timedelta(seconds=scheduled),
        checked_at=SLOT + timedelta(seconds=checked),
        unconfirmed=unconfirmed,
    )


SLOT = next_slot(1, 60, NOON)


def test_after_a_check_the_next_slot_is_due_however_long_it_took() -> None:
    assert due(0, 0.1) == due(0, 59.9) == SLOT + timedelta(seconds=60)


def test_slots_that_passed_unused_are_left_out() -> None:
    assert due(0, 600) - SLOT in (timedelta(seconds=600), timedelta(seconds=660))


def test_what_is_not_confirmed_is_tried_again_quickly() -> None:
    assert due(0, 1, unconfirmed=True) == SLOT + timedelta(seconds=1 + CONFIRM_SECONDS)


def test_a_retry_never_replaces_a_slot_that_comes_sooner() -> None:
    assert due(0, 59.5, unconfirmed=True) == SLOT + timedelta(seconds=60)


def test_the_retrys_next_check_is_in_the_next_slot() -> None:
    assert due(3, 3.1) == SLOT + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("before", "ok", "after"),
    [
        (("pending", 0), True, ("up", 0)),
        (("pending", 0), False, ("pending", 1)),
        (("up", 0), False, ("up", 1)),
        (("up", 1), False, ("up", 2)),
        (("up", 2), False, ("down", 3)),
        (("up", 2), True, ("up", 0)),
        (("down", 3), False, ("down", 4)),
        (("down", 4), True, ("up", 0)),
        (("paused", 0), True, ("paused", 0)),
        (("paused", 0), False, ("paused", 0)),
    ],
)
def test_three_failures_in_a_row_make_it_down_and_one_success_up(
    before: tuple[str, int], ok: bool, after: tuple[str, int]
) -> None:
    assert transition(Standing(*before), ok=ok, confirmations=3) == Standing(*after)


def test_percentiles_from_buckets_are_near_the_exact_ones() -> None:
    source = random.Random(7)  # noqa: S311 (no secret)
    latencies = sorted(source.lognormvariate(4, 1) for _ in range(10_000))
    counts = [0] * BUCKETS
    for latency in latencies:
        counts[bucket(latency)] += 1

    for share in (0.5, 0.95, 0.99):
        exact = latencies[int(share * len(latencies))]
        assert percentile(counts, share) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("latency", [0.0, 0.3, 1.0, 60_000.0, 1e9])
def test_every_latency_has_a_bucket(latency: float) -> None:
    assert 0 <= bucket(latency) < BUCKETS


def test_nothing_has_no_percentile() -> None:
    assert percentile([0] * BUCKETS, 0.5) is None
