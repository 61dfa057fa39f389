"""Store results from locations, and derive a monitor's state from all of its locations.

The caller has locked the monitor's state, which is the only lock here: two workers at different
locations that store results of the same monitor take turns, and the second one sees what the first
has written. There is no second lock that could be taken in another order.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.agreement import Seen, agree, describe
from app.checks.observed import PATIENCE_SECONDS
from app.checks.transition import Standing, transition
from app.probing.result import Result

# How far a result's time, which a worker derives from its claim's, may be ahead of the clock.
CLOCK_TOLERANCE = timedelta(seconds=5)


class LocatedResult(NamedTuple):
    """A result from a location, and its monitor as the row of the locked state.

    `in_maintenance`: a window is active now, whether or not the state shows it yet.
    """

    location: str
    checked_at: datetime
    result: Result
    monitor: Any
    in_maintenance: bool = False


class Agreed(NamedTuple):
    """A monitor's new state, how many locations see it down, and which of them fail and why.

    `retry`: the location that has reported should confirm its failure soon.
    """

    state: str
    failing: int
    cause: str | None
    retry: bool


# The newest version of a row comes first in the index on the time, as for states.
_LOOK = text("""
    SELECT m.id AS monitor_id, m.min_failing_locations, l.*
    FROM monitors m
    CROSS JOIN unnest(m.locations) AS named (location)
    CROSS JOIN LATERAL (
        SELECT CAST(ctid AS text) AS place, location, state, failures, checked_at, unbroken_since,
            error
        FROM location_states s
        WHERE s.monitor_id = m.id AND s.location = named.location
        ORDER BY s.checked_at DESC
        LIMIT 1
    ) l
    WHERE m.id = ANY(CAST(:ids AS int[]))
""")

_UPDATE = text("""
    UPDATE location_states s
    SET state = v.state, failures = v.failures, checked_at = v.checked_at,
        since = CASE WHEN s.state = v.state THEN s.since ELSE v.checked_at END,
        unbroken_since = v.unbroken_since, latency_ms = v.latency_ms, error = v.error
    FROM (
        SELECT CAST(place AS tid) AS place, state, failures, checked_at, unbroken_since,
            latency_ms, error
        FROM unnest(
            CAST(:place AS text[]), CAST(:state AS text[]), CAST(:failures AS int[]),
            CAST(:checked_at AS timestamptz[]), CAST(:unbroken_since AS timestamptz[]),
            CAST(:latency_ms AS real[]), CAST(:error AS text[])
        ) AS t (place, state, failures, checked_at, unbroken_since, latency_ms, error)
    ) AS v
    WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:place AS text[])) AS tid)))
      AND s.ctid = v.place
""")


async def settle(session: AsyncSession, results: Sequence[LocatedResult]) -> dict[int, Agreed]:
    """Store what locations have seen; return by monitor what all of its locations agree on.

    A result is skipped if it is older than the last one from its location, or if the monitor no
    longer names that location.
    """
    if not results:
        return {}
    rows = await session.execute(_LOOK, {"ids": [found.monitor.monitor_id for found in results]})
    known: dict[int, dict[str, Any]] = {}
    for row in rows:
        known.setdefault(row.monitor_id, {})[row.location] = row
    agreed, changes = {}, []
    for found in results:
        number = found.monitor.monitor_id
        before = known.get(number, {}).get(found.location)
        if before is None or not is_newer(found.checked_at, before.checked_at, found.monitor.now):
            continue
        now, seen = _seen(found, before)
        changes.append((before.place, now, seen, found.result.latency_ms))
        agreed[number] = _agreed(found, now, seen, known[number])
    if changes:
        await session.execute(_UPDATE, _values(changes))
    return agreed


def is_newer(checked_at: datetime, last: datetime | None, now: datetime) -> bool:
    """Return whether a result is newer than the last one, or the last one is from the future.

    The latter was recorded before the clock was set back.
    """
    return last is None or last < checked_at or last > now + CLOCK_TOLERANCE


def _patience(monitor: Any) -> timedelta:
    return timedelta(seconds=monitor.expected_seconds + PATIENCE_SECONDS)


def _seen(found: LocatedResult, before: Any) -> tuple[Standing, Seen]:
    """Return the monitor as the location sees it with this result."""
    now = transition(
        Standing(before.state, before.failures),
        ok=found.result.ok,
        confirmations=found.monitor.confirmations,
    )
    unbroken_since = before.unbroken_since
    last = before.checked_at
    if last is None or not timedelta(0) <= found.checked_at - last <= _patience(found.monitor):
        unbroken_since = found.checked_at
    seen = Seen(found.location, now.state, found.checked_at, unbroken_since, found.result.error)
    return now, seen


def _agreed(found: LocatedResult, now: Standing, seen: Seen, rows: dict[str, Any]) -> Agreed:
    everywhere = [
        seen
        if row.location == found.location
        else Seen(row.location, row.state, row.checked_at, row.unbroken_since, row.error)
        for row in rows.values()
    ]
    needed = next(iter(rows.values())).min_failing_locations
    horizon = found.monitor.now - _patience(found.monitor)
    before = found.monitor.state
    if before == "maintenance":
        # A window ends at its scheduled time, even if the state has not been switched yet.
        before = "pending"
    state = agree(before, everywhere, needed=needed, horizon=horizon)
    if found.in_maintenance and before != "paused":
        state = "maintenance"
    return Agreed(
        state,
        sum(one.state == "down" for one in everywhere),
        describe(everywhere, horizon=horizon),
        retry=now.failures > 0 and now.state != "down" and state not in ("paused", "maintenance"),
    )


def _values(changes: Sequence[tuple[str, Standing, Seen, float | None]]) -> dict[str, Any]:
    return {
        "place": [place for place, _, _, _ in changes],
        "state": [now.state for _, now, _, _ in changes],
        "failures": [now.failures for _, now, _, _ in changes],
        "checked_at": [seen.checked_at for _, _, seen, _ in changes],
        "unbroken_since": [seen.unbroken_since for _, _, seen, _ in changes],
        "latency_ms": [latency for _, _, _, latency in changes],
        "error": [seen.error for _, _, seen, _ in changes],
    }
