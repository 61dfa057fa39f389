"""Schedule monitors: compute and store when the next check of each is due.

A monitor is checked in slots one interval apart, counted from 1970 and shifted by a phase derived
from its number. Slots that have passed while nothing was checked are skipped.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import location_schedule

# Seconds until a failed check is retried while the failure is not confirmed.
CONFIRM_SECONDS = 2

# The fractional part of the golden ratio: its multiples fill an interval more evenly than any
# other number's, however many there are (Knuth, The Art of Computer Programming 3, 6.4). This
# keeps a thousand monitors from being checked at the same moment.
GOLDEN = 0.6180339887498949

# When `m`, a monitor whose check was planned for due.due_at, is due again. A slot is skipped if
# this check may still be running then, because it is a retry, the first one or late. A late
# heartbeat is counted again each time the next one should have arrived.
_NEXT_DUE = """
    date_bin(
        make_interval(secs => m.interval_seconds),
        greatest(due.due_at, now())
            + make_interval(secs => least(m.timeout_seconds, m.interval_seconds / 4.0)),
        CASE WHEN m.kind = 'heartbeat' THEN due.due_at
        ELSE to_timestamp(0) + make_interval(
            secs => m.interval_seconds * mod(CAST({phase} AS numeric), 1))
        END
    ) + make_interval(secs => m.interval_seconds)
"""
NEXT_DUE = _NEXT_DUE.format(phase=f"m.id * {GOLDEN}")

# The same from a location, except that a monitor's locations share its interval evenly. So an
# outage is noticed sooner, and no two checks are planned for the same moment, part of their key.
NEXT_DUE_AT_LOCATION = _NEXT_DUE.format(
    phase=f"m.id * {GOLDEN} + coalesce(array_position(m.locations, due.location), 1)"
    " / CAST(greatest(cardinality(m.locations), 1) AS float8)"
)


TABLES = ("schedule", "location_schedule")


def table_of(location: str) -> str:
    """Return the schedule table for checks from a location, or for checks from anywhere."""
    return TABLES[bool(location)]


_SUSPEND = text("""
    UPDATE schedule SET claimable_at = 'infinity', lease = NULL
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
""")

# Seconds between the first checks of monitors that are planned together: a thousand of them at
# once would be a burst that neither a small worker nor one server behind all of them can handle.
APART_SECONDS = 0.01

# Due at once; for a heartbeat, when it would be late. The clock's time is used, not the
# transaction's, because a row must not become claimable in the past, which no claim searches.
_PLAN = text("""
    UPDATE schedule s
    SET due_at = planned.due_at, claimable_at = planned.due_at, lease = NULL,
        expected_from = planned.expected_from
    FROM (
        SELECT p.monitor_id, p.expected_from, CASE
            WHEN m.kind = 'heartbeat' THEN greatest(clock_timestamp(),
                p.expected_from + make_interval(
                    secs => m.interval_seconds + CAST(m.spec ->> 'grace_seconds' AS int)))
            ELSE least(
                CASE WHEN CAST(:sooner AS bool) THEN greatest(p.due_at, clock_timestamp()) END,
                clock_timestamp() + make_interval(
                    secs => (p.number + CAST(:first AS int)) * CAST(:apart AS float8)))
            END AS due_at
        FROM monitors m JOIN (
            SELECT monitor_id, due_at, CASE WHEN CAST(:anew AS bool) THEN now()
                ELSE least(expected_from, now()) END AS expected_from,
                row_number() OVER (ORDER BY monitor_id) - 1 AS number
            FROM schedule
            WHERE monitor_id = ANY(CAST(:ids AS int[]))
              AND (lease IS NOT NULL OR NOT CAST(:claimed AS bool))
        ) p ON p.monitor_id = m.id
    ) planned
    WHERE s.monitor_id = planned.monitor_id
""")


async def add(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Add new monitors to the schedule."""
    await location_schedule.follow(session, monitor_ids)
    await plan(session, monitor_ids, anew=True)


async def plan(
    session: AsyncSession,
    monitor_ids: Sequence[int],
    *,
    anew: bool = False,
    claimed: bool = False,
    sooner: bool = False,
    first: int = 0,
) -> None:
    """Plan monitors to be checked at once, and heartbeats to be late after period and grace.

    Both count from the last heartbeat or, with `anew`, from now. A running check was made for the
    monitor as it was before, so its lease ends here. `claimed`: plan only monitors with a lease.
    `sooner`: plan none later than it is due anyway, for batches so large that the last would be.
    `first`: how many monitors have been planned before these, which come after them.
    """
    values = {
        "ids": list(monitor_ids),
        "anew": anew,
        "claimed": claimed,
        "sooner": sooner,
        "first": first,
        "apart": APART_SECONDS,
    }
    await session.execute(_PLAN, values)
    await location_schedule.plan(
        session, monitor_ids, claimed=claimed, apart=APART_SECONDS, sooner=sooner, first=first
    )


async def suspend(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Stop checking monitors until they are planned again."""
    await session.execute(_SUSPEND, {"ids": list(monitor_ids)})
    await location_schedule.suspend(session, monitor_ids)
