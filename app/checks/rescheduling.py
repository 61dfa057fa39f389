"""Schedule what follows a finished check: the next slot, a retry or the next heartbeat.

Claims are compared with the leases that the rows hold now, because a monitor may have been claimed
again, changed or paused while it was checked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.claiming import Claim, by_table
from app.checks.schedule import TABLES


class Heartbeat(NamedTuple):
    """A heartbeat received at `pinged_at`; without another by `due_at`, the monitor is down."""

    monitor_id: int
    pinged_at: datetime
    due_at: datetime


# From the end of the lease back to the next slot, only where the lease is still ours. The clock's
# time is used because a row must not become claimable in the past, which no claim searches.
_MOVE_ON = {
    table: text(f"""
        UPDATE {table}
        SET due_at = greatest(due_at, clock_timestamp()),
            claimable_at = greatest(due_at, clock_timestamp()), lease = NULL
        WHERE ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
          AND lease = ANY(CAST(:leases AS bigint[]))
    """)  # noqa: S608  (a name of app.checks.schedule)
    for table in TABLES
}

# A quick retry, if that is sooner than the next slot.
_RETRY = {
    table: text(f"""
        UPDATE {table} s
        SET due_at = greatest(least(s.due_at, v.retry_at), clock_timestamp()),
            claimable_at = greatest(least(s.due_at, v.retry_at), clock_timestamp()), lease = NULL
        FROM (
            SELECT monitor_id, CAST(place AS tid) AS place, lease, retry_at
            FROM unnest(
                CAST(:ids AS int[]), CAST(:places AS text[]), CAST(:leases AS bigint[]),
                CAST(:retry_at AS timestamptz[])) AS t (monitor_id, place, lease, retry_at)
        ) AS v
        WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
          AND s.ctid = v.place AND s.monitor_id = v.monitor_id AND s.lease = v.lease
    """)  # noqa: S608  (a name of app.checks.schedule)
    for table in TABLES
}

_EXPECT_NEXT = text("""
    UPDATE schedule s
    SET due_at = v.due_at, claimable_at = v.due_at, expected_from = v.pinged_at, lease = NULL
    FROM unnest(CAST(:ids AS int[]), CAST(:pinged_at AS timestamptz[]),
        CAST(:due_at AS timestamptz[])) AS v (monitor_id, pinged_at, due_at)
    WHERE s.monitor_id = v.monitor_id
""")

_STILL_LEASED = text("""
    SELECT s.monitor_id
    FROM schedule s JOIN (
        SELECT monitor_id, CAST(place AS tid) AS place, lease
        FROM unnest(CAST(:ids AS int[]), CAST(:places AS text[]), CAST(:leases AS bigint[]))
            AS t (monitor_id, place, lease)
    ) AS v ON s.ctid = v.place
    WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
      AND s.monitor_id = v.monitor_id AND s.lease = v.lease
""")


async def still_leased(session: AsyncSession, claims: Sequence[Claim]) -> set[int]:
    """Return the monitors whose claims still hold."""
    if not claims:
        return set()
    return set(await session.scalars(_STILL_LEASED, _leases(claims)))


async def move_on(session: AsyncSession, claims: Sequence[Claim]) -> None:
    """Make claimed monitors claimable at their next slots."""
    leased = [claim for claim in claims if claim.leased]
    for table, part in by_table(leased).items():
        values: dict[str, Any] = {
            "places": [claim.place for claim in part],
            "leases": list({claim.lease for claim in part}),
        }
        await session.execute(_MOVE_ON[table], values)


async def retry(
    session: AsyncSession, claims: Sequence[Claim], retry_at: Mapping[int, datetime]
) -> None:
    """Make claimed monitors claimable at `retry_at`, or at their next slots if those are sooner."""
    for table, part in by_table(claims).items():
        values = _leases(part) | {"retry_at": [retry_at[claim.monitor_id] for claim in part]}
        await session.execute(_RETRY[table], values)


async def expect_next(session: AsyncSession, heartbeats: Sequence[Heartbeat]) -> None:
    """Store when the next heartbeats after these are due."""
    if heartbeats:
        values = {
            "ids": [heartbeat.monitor_id for heartbeat in heartbeats],
            "pinged_at": [heartbeat.pinged_at for heartbeat in heartbeats],
            "due_at": [heartbeat.due_at for heartbeat in heartbeats],
        }
        await session.execute(_EXPECT_NEXT, values)


def _leases(claims: Sequence[Claim]) -> dict[str, Any]:
    return {
        "ids": [claim.monitor_id for claim in claims],
        "places": [claim.place for claim in claims],
        "leases": [claim.lease for claim in claims],
    }
