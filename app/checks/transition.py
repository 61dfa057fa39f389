"""Derive a monitor's new state from a check's result."""

from typing import NamedTuple


class Standing(NamedTuple):
    """A state's name, and how many checks in a row have failed."""

    state: str
    failures: int


def transition(before: Standing, *, ok: bool, confirmations: int) -> Standing:
    """Return the standing after one more result.

    A monitor is down after `confirmations` failures in a row, so that one lost packet is no outage;
    one success is enough for it to be up. A paused monitor stays paused whatever the result.
    """
    if before.state == "paused":
        return before
    if ok:
        return Standing("up", 0)
    failures = before.failures + 1
    return Standing("down" if failures >= confirmations else before.state, failures)
