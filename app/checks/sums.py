"""Hourly and daily sums, to which a monitor's hour is added when it ends.

Every hour is added to its day too, so no job has to sum up days later, and none can be late.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.observed import Portion, observed
from app.maintenance.coverage import NOT_COVERED, Span, coverage

# Sums are added to, not overwritten, because a clock that is set back repeats an hour. A smallint
# is full at 32,767 and stays there.
_ADD = """
    ON CONFLICT (monitor_id, {begin}) DO UPDATE
    SET checks = t.checks + excluded.checks, failed = t.failed + excluded.failed,
        up_ms = t.up_ms + excluded.up_ms, down_ms = t.down_ms + excluded.down_ms,
        latencies = CASE
            WHEN t.latencies IS NULL THEN excluded.latencies
            WHEN excluded.latencies IS NULL THEN t.latencies
            ELSE ARRAY(
                SELECT CAST(least(CAST(a AS int) + b, 32767) AS smallint)
                FROM unnest(t.latencies, excluded.latencies) WITH ORDINALITY AS u (a, b, n)
                ORDER BY n)
            END
"""

# A table, its time column, and the expression that derives this time from an hour.
_TABLES = (
    ("hourly_stats", "hour", "hour"),
    ("daily_stats", "day", "date_trunc('day', hour, 'UTC')"),
)

_END_HOURS = [
    text(
        f"""
        INSERT INTO {table} AS t
            (monitor_id, {begin}, checks, failed, up_ms, down_ms, latencies)
        SELECT monitor_id, {value}, hour_checks, hour_failed, hour_up_ms, hour_down_ms,
            CASE WHEN hour_checks > 0 THEN hour_latencies END
        FROM states
        WHERE ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
          AND (hour_checks > 0 OR hour_up_ms > 0 OR hour_down_ms > 0)
        """  # noqa: S608  (constants of this module)
        + _ADD.format(begin=begin)
    )
    for table, begin, value in _TABLES
]

_ADD_PORTIONS = [
    text(
        f"""
        INSERT INTO {table} AS t (monitor_id, {begin}, checks, failed, up_ms, down_ms)
        SELECT monitor_id, {value}, 0, 0, sum(up_ms), sum(down_ms)
        FROM unnest(CAST(:ids AS int[]), CAST(:hours AS timestamptz[]), CAST(:up_ms AS int[]),
            CAST(:down_ms AS int[])) AS v (monitor_id, hour, up_ms, down_ms)
        GROUP BY 1, 2
        """  # noqa: S608  (constants of this module)
        + _ADD.format(begin=begin)
    )
    for table, begin, value in _TABLES
]

_BEGIN_HOURS = text("""
    UPDATE states s
    SET hour = v.hour, hour_checks = 0, hour_failed = 0, hour_up_ms = 0, hour_down_ms = 0,
        hour_latencies = DEFAULT
    FROM (
        SELECT CAST(place AS tid) AS place, hour
        FROM unnest(CAST(:places AS text[]), CAST(:hours AS timestamptz[])) AS t (place, hour)
    ) AS v
    WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
      AND s.ctid = v.place
    RETURNING s.monitor_id, CAST(s.ctid AS text) AS place
""")


async def begin_hours(
    session: AsyncSession, places: Sequence[str], hours: Sequence[datetime]
) -> dict[int, str]:
    """Add the hours of the locked states at these places to the sums, and begin new hours.

    Return the states' new places, by monitor.
    """
    for statement in _END_HOURS:
        await session.execute(statement, {"places": list(places)})
    values = {"places": list(places), "hours": list(hours)}
    rows = await session.execute(_BEGIN_HOURS, values)
    return {row.monitor_id: row.place for row in rows}


async def add_portions(session: AsyncSession, portions: Sequence[tuple[int, Portion]]) -> None:
    """Add to the sums of hours that have ended, including hours without a check."""
    if not portions:
        return
    values = {
        "ids": [monitor_id for monitor_id, _ in portions],
        "hours": [portion.hour for _, portion in portions],
        "up_ms": [portion.up_ms for _, portion in portions],
        "down_ms": [portion.down_ms for _, portion in portions],
    }
    for statement in _ADD_PORTIONS:
        await session.execute(statement, values)


# What is needed to count the time until now, as when a result is recorded.
_PRESENT = text("""
    SELECT s.monitor_id, s.state, s.since, s.checked_at, now() AS now,
        m.interval_seconds + m.timeout_seconds
        + CASE WHEN m.kind = 'heartbeat' THEN CAST(m.spec ->> 'grace_seconds' AS int) ELSE 0 END
        AS expected_seconds
    FROM states s JOIN monitors m ON m.id = s.monitor_id
    WHERE s.monitor_id = ANY(CAST(:ids AS int[]))
""")


async def settle(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Count the time since the last checks of monitors whose states are about to end.

    If a maintenance window has begun since then, only the time before it counts.
    """
    rows = (await session.execute(_PRESENT, {"ids": list(monitor_ids)})).all()
    covered = await coverage(
        session, [Span(row.monitor_id, row.checked_at, row.now) for row in rows]
    )
    portions = [
        (row.monitor_id, portion)
        for row in rows
        for portion in observed(
            row.state,
            row.checked_at,
            covered.get(row.monitor_id, NOT_COVERED).begun_at or row.now,
            expected_seconds=row.expected_seconds,
            entered=row.since,
        )
    ]
    await add_portions(session, portions)


_FORGET = [
    text(f"""
        DELETE FROM {table}
        WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE monitor_id = ANY(CAST(:ids AS int[]))
            FOR UPDATE SKIP LOCKED))
    """)  # noqa: S608  (constants of this module)
    for table, _, _ in _TABLES
]


async def forget(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Delete the sums of monitors that are being deleted, because they have no foreign key.

    Locked rows are skipped: they are past their retention, so they are about to be deleted anyway.
    """
    for statement in _FORGET:
        await session.execute(statement, {"ids": list(monitor_ids)})
