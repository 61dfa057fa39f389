"""What a check's result makes of a monitor's state."""

from typing import NamedTuple


class Standing(NamedTuple):
    """A state's name, and how many checks in a row have failed."""

    state: str
    failures: int


def transition(
    before: Standing, *, ok: bool, confirmations: int, in_maintenance: bool = False
) -> Standing:
    """Return the standing after one more result.

    It takes `confirmations` failures in a row to be down, so that one lost packet is no outage;
    one success is enough to be up. A paused monitor stays paused with any result.

    In maintenance failures are counted and change nothing, so a site that failed in it up to its
    end is down with the first failure after it.
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
    # A window is over when its time is, whether or not anything has noted it.
    return Standing("pending" if before.state == "maintenance" else before.state, failures)
