"""What a check's result makes of a monitor's state."""

from typing import NamedTuple


class Standing(NamedTuple):
    """A state's name, and how many checks in a row have failed."""

    state: str
    failures: int


def transition(before: Standing, *, ok: bool, confirmations: int) -> Standing:
    """Return the standing after one more result.

    It takes `confirmations` failures in a row to be down, so that one lost packet is no outage;
    one success is enough to be up. A paused monitor stays paused with any result.
    """
    if before.state == "paused":
        return before
    if ok:
        return Standing("up", 0)
    failures = before.failures + 1
    return Standing("down" if failures >= confirmations else before.state, failures)
