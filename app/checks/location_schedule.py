"""The schedule of monitors that are checked from named locations, with one row per location.

Its functions are called for all monitors, whether or not they name locations.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A monitor's rows are in one of the two schedules, depending on whether it names locations. New
# rows are planned next, unless the monitor is paused.
_FOLLOW = [
    text(statement)
    for statement in (
        """
        DELETE FROM schedule s USING monitors m
        WHERE m.id = ANY(CAST(:ids AS int[])) AND s.monitor_id = m.id AND m.locations <> '{}'
        """,
        """
        INSERT INTO schedule (monitor_id, claimable_at)
        SELECT m.id, CASE WHEN s.state = 'paused' THEN 'infinity' ELSE now() END
        FROM monitors m JOIN states s ON s.monitor_id = m.id
        WHERE m.id = ANY(CAST(:ids AS int[])) AND m.locations = '{}'
          AND NOT EXISTS (SELECT FROM schedule WHERE monitor_id = m.id)
        """,
        *(
            f"""
            DELETE FROM {table} t USING monitors m
            WHERE m.id = ANY(CAST(:ids AS int[])) AND t.monitor_id = m.id
              AND t.location <> ALL (m.locations)
            """  # noqa: S608  (names of this module)
            for table in ("location_schedule", "location_states")
        ),
        *(
            f"""
            INSERT INTO {table} (monitor_id, location)
            SELECT m.id, named.location FROM monitors m, unnest(m.locations) AS named (location)
            WHERE m.id = ANY(CAST(:ids AS int[])) AND NOT EXISTS (
                SELECT FROM {table} WHERE monitor_id = m.id AND location = named.location)
            """  # noqa: S608  (names of this module)
            for table in ("location_schedule", "location_states")
        ),
        # The number of failures now counts something else: checks in a row, or locations.
        """
        UPDATE states SET failures = 0
        WHERE monitor_id = ANY(CAST(:ids AS int[])) AND failures <> 0
        """,
    )
]

# Due at once, but no two rows of a monitor at the same moment, as in app.checks.schedule.
_PLAN = text("""
    UPDATE location_schedule s
    SET due_at = planned.due_at, claimable_at = planned.due_at, lease = NULL
    FROM (
        SELECT monitor_id, location, least(
            CASE WHEN CAST(:sooner AS bool) THEN greatest(due_at, clock_timestamp()) END,
            clock_timestamp() + make_interval(secs => CAST(:apart AS float8) * (
                CAST(:first AS int) + row_number() OVER (ORDER BY monitor_id, location) - 1))
        ) AS due_at
        FROM location_schedule
        WHERE monitor_id = ANY(CAST(:ids AS int[]))
          AND (lease IS NOT NULL OR NOT CAST(:claimed AS bool))
    ) planned
    WHERE s.monitor_id = planned.monitor_id AND s.location = planned.location
""")

_SUSPEND = text("""
    UPDATE location_schedule SET claimable_at = 'infinity', lease = NULL
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
""")


async def follow(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Add the rows that monitors need for their locations, and delete the others.

    Rows of locations that a monitor keeps are left unchanged.
    """
    for statement in _FOLLOW:
        await session.execute(statement, {"ids": list(monitor_ids)})


async def plan(
    session: AsyncSession,
    monitor_ids: Sequence[int],
    *,
    claimed: bool,
    apart: float,
    sooner: bool = False,
    first: int = 0,
) -> None:
    """Plan monitors to be checked at once from their locations, `apart` seconds apart.

    `claimed`, `sooner` and `first` as in app.checks.schedule.
    """
    values = {
        "ids": list(monitor_ids),
        "claimed": claimed,
        "apart": apart,
        "sooner": sooner,
        "first": first,
    }
    await session.execute(_PLAN, values)


async def suspend(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Stop checking monitors from any location until they are planned again."""
    await session.execute(_SUSPEND, {"ids": list(monitor_ids)})
