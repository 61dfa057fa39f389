"""Derive a monitor's state from what several locations see."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class Seen(NamedTuple):
    """A monitor as one location last saw it.

    `state`: pending, up, or down once failures are confirmed there. `unbroken_since`: since when
    results from there have arrived without a gap. Both times are None before the first result.
    `error`: why the last check from there failed.
    """

    location: str
    state: str
    checked_at: datetime | None = None
    unbroken_since: datetime | None = None
    error: str | None = None


def agree(before: str, seen: Sequence[Seen], *, needed: int, horizon: datetime) -> str:
    """Return the state of a monitor that counts as down when `needed` locations see it down.

    A location is silent when its last result is older than `horizon`. While it may still report,
    after everything stood still for instance, it is waited for: it opens no incident and closes
    none. It is ignored once another location has reported ever since the horizon: the silent one is
    then at fault itself, and an outage must not go unnoticed because of it.
    """
    if before not in ("pending", "up", "down"):
        return before
    heard = [one for one in seen if _is_since(one.checked_at, horizon)]
    failing = sum(one.state == "down" for one in heard)
    doubtful = sum(one.state == "pending" for one in heard)
    if any(_is_until(one.unbroken_since, horizon) for one in heard):
        needed = min(needed, len(heard))
    else:
        doubtful += len(seen) - len(heard)
    if failing >= needed:
        return "down"
    if before == "down":
        return "down" if failing + doubtful >= needed else "up"
    if before == "pending" and not any(one.state == "up" for one in heard):
        return "pending"
    return "up"


def describe(seen: Sequence[Seen], *, horizon: datetime) -> str | None:
    """Return why a monitor fails, each reason with its locations; None if it does not fail.

    The reason comes first, as it does for monitors without locations.
    """
    reasons = defaultdict(list)
    for one in seen:
        if one.error is not None and _is_since(one.checked_at, horizon):
            reasons[one.error].append(one.location)
    parts = [f"{error} from {', '.join(locations)}" for error, locations in reasons.items()]
    return "; ".join(parts) or None


def _is_since(moment: datetime | None, horizon: datetime) -> bool:
    return moment is not None and moment >= horizon


def _is_until(moment: datetime | None, horizon: datetime) -> bool:
    return moment is not None and moment <= horizon
