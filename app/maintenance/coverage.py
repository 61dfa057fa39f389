"""Finds which monitors are in maintenance, by the periods and by their groups and tags now."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Whether a window `w` applies to a monitor `m`; part of a larger query.
IS_FOR = """(
    w.all_monitors OR m.group_name = ANY(w.groups) OR m.tags && w.tags
    OR EXISTS (
        SELECT FROM maintenance_monitors n WHERE n.window_id = w.id AND n.monitor_id = m.id)
)"""

# The windows in progress; part of a larger query, which names it `running`.
RUNNING = """
    SELECT w.* FROM maintenance_windows w
    WHERE EXISTS (
        SELECT FROM maintenance_periods p
        WHERE p.window_id = w.id AND tstzrange(p.starts_at, p.ends_at) @> now())
"""


class Span(NamedTuple):
    """The time between a monitor's last result, if any, and the next one."""

    monitor_id: int
    since: datetime | None
    until: datetime


class Coverage(NamedTuple):
    """How windows overlap with a span.

    `at_end`: a window is in progress at the span's end, or now. `begun_at`: when the first window
    that began within the span began, if any did.
    """

    at_end: bool = False
    begun_at: datetime | None = None


NOT_COVERED = Coverage()

# Periods near any of the spans are selected first: few of thousands. A span's end, by a worker's
# calculation, may be slightly ahead of the clock.
_COVERAGE = text(f"""
    WITH v AS MATERIALIZED (
        SELECT monitor_id, since, until, least(since, until) AS begin,
            greatest(until, clock_timestamp()) AS now
        FROM unnest(CAST(:ids AS int[]), CAST(:since AS timestamptz[]),
            CAST(:until AS timestamptz[])) AS t (monitor_id, since, until)
    ), w AS MATERIALIZED (
        SELECT w.*, p.starts_at AS begun_at, p.ends_at AS over_at
        FROM maintenance_periods p JOIN maintenance_windows w ON w.id = p.window_id
        WHERE tstzrange(p.starts_at, p.ends_at)
            && (SELECT tstzrange(min(v.begin), max(v.now), '[]') FROM v)
    )
    SELECT v.monitor_id, bool_or(
            w.begun_at <= v.until AND w.over_at > v.until
            OR w.begun_at <= v.now AND w.over_at > v.now) AS at_end,
        min(w.begun_at) FILTER (WHERE w.begun_at > v.since AND w.begun_at <= v.until) AS begun_at
    FROM v
    JOIN monitors m ON m.id = v.monitor_id
    JOIN w ON w.begun_at <= v.now AND w.over_at > v.begin AND {IS_FOR}
    GROUP BY v.monitor_id
""")  # noqa: S608  (a constant)


async def coverage(session: AsyncSession, spans: Sequence[Span]) -> dict[int, Coverage]:
    """Return how windows overlap with these spans, by monitor, leaving out those without overlap.

    This is a separate statement, run after the monitors' states are locked: it sees whatever has
    put one of them into maintenance before.
    """
    if not spans:
        return {}
    monitor_ids, since, until = zip(*spans, strict=True)
    values = {"ids": list(monitor_ids), "since": list(since), "until": list(until)}
    rows = await session.execute(_COVERAGE, values)
    return {row.monitor_id: Coverage(row.at_end, row.begun_at) for row in rows}
