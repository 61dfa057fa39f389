"""The current view of the monitors, from their locations or from anywhere."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.locations.schemas import LocationFigures, LocationOut, SeenFrom

# Based on results, not on claims: a worker that is cut off continues to claim checks, and releases
# those that it can't make. A location just added, or whose monitor was resumed, has the same time
# for its first result.
_HORIZON = """
    now() - make_interval(secs => m.interval_seconds + m.timeout_seconds + 60)
"""
_OVERDUE = f"""
    greatest(coalesce(l.checked_at, l.since), CASE s.state WHEN 'pending' THEN s.since END)
        < {_HORIZON}
"""
_SEEN = f"""
    SELECT l.monitor_id, l.location, {_OVERDUE} AS is_overdue,
        l.state = 'down' AND l.checked_at >= {_HORIZON} AS is_down
    FROM location_states l
    JOIN monitors m ON m.id = l.monitor_id
    JOIN states s ON s.monitor_id = l.monitor_id
    WHERE s.state <> 'paused'
"""  # noqa: S608  (a constant)
_BY_LOCATION = f"""
    SELECT location AS name, count(*) AS monitors,
        count(*) FILTER (WHERE is_down) AS failing,
        count(*) FILTER (WHERE is_overdue) AS overdue
    FROM ({_SEEN}) s
    GROUP BY location
"""  # noqa: S608  (a constant)

_FIGURES = text(f"{_BY_LOCATION} ORDER BY name")
_LOCATIONS = text(f"""
    SELECT name, coalesce(monitors, 0) AS monitors, coalesce(failing, 0) AS failing,
        coalesce(overdue, 0) AS overdue, seen_at
    FROM ({_BY_LOCATION}) f FULL JOIN locations USING (name)
    ORDER BY name
""")  # noqa: S608  (a constant)
# Monitors without locations: by the schedule, which a missing worker can't write, and by results. A
# heartbeat has no result between two calls, which may be a month apart. A monitor that was changed
# is checked again, so its earlier results no longer count.
_OVERDUE_ANYWHERE = text(f"""
    SELECT count(*)
    FROM schedule d
    JOIN monitors m ON m.id = d.monitor_id
    JOIN states s ON s.monitor_id = d.monitor_id
    WHERE d.claimable_at < now() - interval '1 minute'
       OR m.kind <> 'heartbeat' AND s.state <> 'paused'
          AND greatest(s.checked_at, CASE WHEN s.state = 'pending' OR s.checked_at IS NULL
                  THEN s.since END, m.updated_at) < {_HORIZON}
""")  # noqa: S608  (a constant)
_UNSEEN = text(f"""
    SELECT count(*) FROM (
        SELECT FROM ({_SEEN}) s GROUP BY monitor_id HAVING bool_and(is_overdue)) u
""")  # noqa: S608  (a constant)
_SEEN_FROM = text(f"""
    SELECT l.monitor_id, l.location, l.state, l.since, l.checked_at, l.latency_ms, l.error,
        {_OVERDUE} AND s.state <> 'paused' AS overdue
    FROM location_states l
    JOIN monitors m ON m.id = l.monitor_id
    JOIN states s ON s.monitor_id = l.monitor_id
    WHERE l.monitor_id = ANY(CAST(:ids AS int[]))
    ORDER BY array_position(m.locations, l.location)
""")  # noqa: S608  (a constant)


async def by_location(session: AsyncSession) -> list[LocationFigures]:
    """Return the figures of the locations that monitors name, by name."""
    return [LocationFigures.model_validate(row) for row in await session.execute(_FIGURES)]


async def all_locations(session: AsyncSession) -> list[LocationOut]:
    """Return the locations that monitors name, and those where a worker has been, by name."""
    return [LocationOut.model_validate(row) for row in await session.execute(_LOCATIONS)]


async def overdue(session: AsyncSession) -> int:
    """Return how many monitors have had no result in time, neither from anywhere nor a location.

    Whatever the reason: no worker claims them, they can't be read, or their results can't be
    stored.
    """
    anywhere = int(await session.scalar(_OVERDUE_ANYWHERE) or 0)
    return anywhere + int(await session.scalar(_UNSEEN) or 0)


async def seen_from(session: AsyncSession, monitor_ids: Sequence[int]) -> dict[int, list[SeenFrom]]:
    """Return how monitors are seen from their locations, in the order the monitors name them."""
    seen: dict[int, list[SeenFrom]] = {monitor_id: [] for monitor_id in monitor_ids}
    if seen:
        for row in await session.execute(_SEEN_FROM, {"ids": list(monitor_ids)}):
            seen[row.monitor_id].append(SeenFrom.model_validate(row))
    return seen
