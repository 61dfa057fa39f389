"""The state after a result."""

import pytest

from app.checks.transition import Standing, transition


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
def test_three_failures_in_a_row_make_a_monitor_down_and_one_success_makes_it_up(
    before: tuple[str, int], ok: bool, after: tuple[str, int]
) -> None:
    assert transition(Standing(*before), ok=ok, confirmations=3) == Standing(*after)


@pytest.mark.parametrize(
    ("before", "ok", "after"),
    [
        (("pending", 0), True, ("maintenance", 0)),
        (("up", 0), False, ("maintenance", 1)),
        (("maintenance", 2), False, ("maintenance", 3)),
        (("maintenance", 3), True, ("maintenance", 0)),
        (("down", 3), False, ("maintenance", 4)),
        (("down", 3), True, ("maintenance", 0)),
        (("paused", 0), False, ("paused", 0)),
    ],
)
def test_in_maintenance_failures_are_counted_and_change_nothing(
    before: tuple[str, int], ok: bool, after: tuple[str, int]
) -> None:
    found = transition(Standing(*before), ok=ok, confirmations=3, in_maintenance=True)

    assert found == Standing(*after)


@pytest.mark.parametrize(
    ("failures", "ok", "after"),
    [
        (0, True, ("up", 0)),
        (9, True, ("up", 0)),
        (0, False, ("pending", 1)),
        (1, False, ("pending", 2)),
        (2, False, ("down", 3)),
    ],
)
def test_after_maintenance_the_failures_in_it_count(
    failures: int, ok: bool, after: tuple[str, int]
) -> None:
    before = Standing("maintenance", failures)

    assert transition(before, ok=ok, confirmations=3) == Standing(*after)
