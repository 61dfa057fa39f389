"""How long a monitor was known to be up or down: from one result to the next, by the hour."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)

# Seconds that a result may arrive later than interval and timeout imply. The time beyond that, in
# which there was no check, counts as unknown.
PATIENCE_SECONDS = 60


class Portion(NamedTuple):
    """Milliseconds of the hour that begins at `hour`, in UTC."""

    hour: datetime
    up_ms: int
    down_ms: int


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def observed(
    state: str,
    since: datetime | None,
    until: datetime,
    *,
    expected_seconds: float,
    entered: datetime | None = None,
) -> list[Portion]:
    """Return what is known from the results at `since` and `until`, with `state` in between.

    The second result was expected within `expected_seconds`. Pending, paused and in maintenance
    are neither up nor down. `entered`: when the monitor entered the state, if that was later than
    the first result.
    """
    if since is None or state not in ("up", "down"):
        return []
    end = min(until, since + timedelta(seconds=expected_seconds + PATIENCE_SECONDS))
    portions = []
    # A time later than `until` comes from a clock that was ahead.
    begin = max(since, entered) if entered is not None and entered <= until else since
    while begin < end:
        hour = hour_of(begin)
        part = min(end, hour + HOUR)
        passed = (part - begin) // MILLISECOND
        portions.append(Portion(hour, passed * (state == "up"), passed * (state == "down")))
        begin = part
    return portions
