"""Derive a monitor's new state from a check's result."""

from typing import NamedTuple


class Standing(NamedTuple):
    """A state's name, and how many checks in a row have failed."""

    state: str
    failures: int


def transition(
    before: Standing, *, ok: bool, confirmations: int, in_maintenance: bool = False
) -> Standing:
    """Return the standing after one more result.

    A monitor is down after `confirmations` failures in a row, so that one lost packet is no outage;
    one success is enough for it to be up. A paused monitor stays paused whatever the result.

    In maintenance, failures are counted but change nothing, so a site that fails until the end of
    a window is down with the first failure after it.
    """
    if before.state == "paused":
        return before
    failures = 0 if ok else before.failures + 1
    if in_maintenance:
        return Standing("maintenance", failures)
    if ok:
        return Standing("up", 0)
    if failures >= confirmations:
        return Standing("down", failures)
    # A window ends at its scheduled time, even if the state has not been switched yet.
    return Standing("pending" if before.state == "maintenance" else before.state, failures)
