"""What several locations make of a monitor's state."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class Seen(NamedTuple):
    """A monitor as one location has seen it last.

    `state`: pending, up, or down once failures are confirmed there. `unbroken_since`: since when
    results from there have come without a gap. Both times are None before the first result.
    `error`: why its last check from there failed.
    """

    location: str
    state: str
    checked_at: datetime | None = None
    unbroken_since: datetime | None = None
    error: str | None = None


def agree(before: str, seen: Sequence[Seen], *, needed: int, horizon: datetime) -> str:
    """Return the state of a monitor that is down when `needed` locations find it down.

    A location is silent when its last result is from before `horizon`. While it may yet report,
    after a standstill of everything for instance, it is waited for: it opens no incident and closes
    none. It is left out once another one has reported ever since the horizon: then it is blind
    itself, and a site that is down must not stay unnoticed because a location is.
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
    """Return why it fails and from where, a reason with all of its locations; None: it does not.

    The reason stands first, as it does where there are no locations.
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
