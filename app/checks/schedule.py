"""When a monitor's next check is due.

A monitor is checked in slots an interval apart, counted from 1970 and shifted by a phase that its
number gives. Slots that have passed while nothing was checked are left out.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import location_schedule

# Seconds after a failed check until it is tried again, while it is not yet confirmed.
CONFIRM_SECONDS = 2

# The fractional part of the golden ratio: its multiples fill an interval more evenly than any
# other number's, however many there are (Knuth, The Art of Computer Programming 3, 6.4). So a
# thousand monitors are not checked at once.
GOLDEN = 0.6180339887498949

# When `m`, a monitor whose check was planned for due.due_at, is due again. A slot that would come
# while this check may still be under way, because it is a retry, the first one or late, is left
# out. A heartbeat that is late is counted again whenever the next one should have come.
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

# From a location, the same; a monitor's locations share its interval evenly. So an outage is seen
# sooner, and no two checks are planned for the same moment, by which they are stored.
NEXT_DUE_AT_LOCATION = _NEXT_DUE.format(
    phase=f"m.id * {GOLDEN} + coalesce(array_position(m.locations, due.location), 1)"
    " / CAST(greatest(cardinality(m.locations), 1) AS float8)"
)


TABLES = ("schedule", "location_schedule")


def table_of(location: str) -> str:
    """Return the table with the schedule of what is checked from a location, or from anywhere."""
    return TABLES[bool(location)]


_SUSPEND = text("""
    UPDATE schedule SET claimable_at = 'infinity', lease = NULL
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
""")

# Seconds between the first checks of monitors that are planned together: a thousand of them at
# once would be a burst that neither a small worker nor a server behind all of them can take.
APART_SECONDS = 0.01

# Due at once, or for a heartbeat, when it is late. The clock's time and not the transaction's: a
# row must not become claimable in the past, where no claim looks any more.
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
    """Give new monitors their places in the schedule."""
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
    """Have monitors checked at once; heartbeats are expected within their period and grace.

    These count from the last heartbeat, or with `anew`, from now. A check that is under way was
    made for what the monitor was: its lease ends here. `claimed`: only those that have a lease.
    `sooner`: no later than they are due anyway, for more than a burst of them. `first`: how many
    have been planned before them, which they come after.
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
    """Have monitors not checked until they are planned again."""
    await session.execute(_SUSPEND, {"ids": list(monitor_ids)})
    await location_schedule.suspend(session, monitor_ids)
