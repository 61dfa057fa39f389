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
