"""When a monitor's next check is due."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# Seconds after a failed check until it is tried again, while it is not yet confirmed.
CONFIRM_SECONDS = 2

# The fractional part of the golden ratio: its multiples fill an interval more evenly than any
# other number's, however many there are (Knuth, The Art of Computer Programming 3, 6.4).
GOLDEN = 0.6180339887498949


def phase(monitor_id: int, interval: timedelta) -> timedelta:
    """Where in its interval a monitor is checked, so that a thousand are not checked at once."""
    return interval * (monitor_id * GOLDEN % 1)


def next_slot(monitor_id: int, interval_seconds: int, after: datetime) -> datetime:
    """The first of a monitor's slots, one in each interval, that is later than `after`.

    In whole microseconds, because a slot that was stored must not come out a little later.
    """
    interval = timedelta(seconds=interval_seconds)
    shift = phase(monitor_id, interval)
    passed = (after - EPOCH - shift) // interval
    slot = EPOCH + shift + interval * passed
    while slot <= after:
        slot += interval
    return slot


def next_due(
    monitor_id: int,
    interval_seconds: int,
    *,
    scheduled_at: datetime,
    checked_at: datetime,
    unconfirmed: bool,
) -> datetime:
    """When to check again after the check that was planned for `scheduled_at`.

    Slots that have passed while nobody checked are left out. `unconfirmed`: the check failed,
    and more failures are needed to be down: it is tried again quickly.
    """
    half = timedelta(seconds=interval_seconds) / 2
    due = next_slot(monitor_id, interval_seconds, max(scheduled_at, checked_at - half))
    if unconfirmed:
        return min(due, checked_at + timedelta(seconds=CONFIRM_SECONDS))
    return due
