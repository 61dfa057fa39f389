"""Three locations, some of which fail, are silent, or have only started."""

from datetime import UTC, datetime, timedelta

import pytest

from app.checks.agreement import Seen, agree, describe

HORIZON = datetime(2026, 6, 1, tzinfo=UTC)
LATER = HORIZON + timedelta(seconds=30)
EARLIER = HORIZON - timedelta(hours=1)

# The report of one location: a new one, an old one, and the last one before silence.
NEW_UP = Seen("a", "up", LATER, LATER)
NEW_DOWN = Seen("a", "down", LATER, LATER, "timed out")
UP = Seen("a", "up", LATER, EARLIER)
DOWN = Seen("a", "down", LATER, EARLIER, "timed out")
DOUBTFUL = Seen("a", "pending", LATER, LATER, "timed out")
SILENT = Seen("a", "up", EARLIER, EARLIER)
SILENT_DOWN = Seen("a", "down", EARLIER, EARLIER, "timed out")
NEVER = Seen("a", "pending")


@pytest.mark.parametrize(
    ("seen", "needed", "state"),
    [
        ((UP, UP, UP), 1, "up"),
        ((DOWN, UP, UP), 1, "down"),
        ((DOWN, UP, UP), 2, "up"),
        ((DOWN, DOWN, UP), 2, "down"),
        ((DOWN, DOWN, DOUBTFUL), 3, "up"),
        ((DOWN, DOWN, DOWN), 3, "down"),
    ],
)
def test_a_monitor_is_down_when_enough_locations_fail(
    seen: tuple[Seen, ...], needed: int, state: str
) -> None:
    assert agree("up", seen, needed=needed, horizon=HORIZON) == state


@pytest.mark.parametrize("silent", [SILENT, SILENT_DOWN, NEVER])
def test_one_failing_location_is_not_enough_while_others_may_still_report(silent: Seen) -> None:
    for before in ("pending", "up"):
        found = agree(before, (NEW_DOWN, silent, silent), needed=2, horizon=HORIZON)
        assert found == before


@pytest.mark.parametrize("silent", [SILENT, SILENT_DOWN, NEVER])
def test_one_failing_location_is_enough_once_the_others_have_long_been_silent(
    silent: Seen,
) -> None:
    for before in ("pending", "up", "down"):
        found = agree(before, (DOWN, silent, silent), needed=2, horizon=HORIZON)
        assert found == "down"


def test_both_of_the_two_remaining_locations_must_fail() -> None:
    assert agree("up", (DOWN, UP, SILENT), needed=3, horizon=HORIZON) == "up"
    assert agree("up", (DOWN, DOWN, SILENT), needed=3, horizon=HORIZON) == "down"


def test_an_outage_is_not_over_because_a_location_has_not_reported_yet() -> None:
    assert agree("down", (NEW_DOWN, NEW_UP, SILENT_DOWN), needed=2, horizon=HORIZON) == "down"
    assert agree("down", (NEW_DOWN, NEW_UP, NEW_UP), needed=2, horizon=HORIZON) == "up"
    assert agree("down", (NEW_UP, NEW_UP, SILENT_DOWN), needed=2, horizon=HORIZON) == "up"
    assert agree("down", (UP, UP, SILENT_DOWN), needed=1, horizon=HORIZON) == "up"


def test_a_new_monitor_is_up_with_the_first_location_that_reaches_it() -> None:
    assert agree("pending", (NEW_UP, NEVER, NEVER), needed=1, horizon=HORIZON) == "up"
    assert agree("pending", (DOUBTFUL, NEVER, NEVER), needed=1, horizon=HORIZON) == "pending"


def test_a_paused_monitor_stays_paused() -> None:
    assert agree("paused", (DOWN, DOWN, DOWN), needed=1, horizon=HORIZON) == "paused"


def test_locations_with_the_same_reason_are_named_together() -> None:
    seen = [
        DOWN._replace(location="frankfurt"),
        UP._replace(location="london"),
        DOWN._replace(location="tokyo", error="status 503"),
        DOWN._replace(location="virginia"),
        SILENT_DOWN._replace(location="sydney"),
    ]

    assert (
        describe(seen, horizon=HORIZON)
        == "timed out from frankfurt, virginia; status 503 from tokyo"
    )
    assert describe([UP], horizon=HORIZON) is None
