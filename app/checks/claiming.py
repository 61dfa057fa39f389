"""Find the checks that are due and claim them for a worker.

A check is claimed by moving its monitor to the next slot, under a lease: if the worker is killed,
another worker claims the monitor when the lease ends or the next slot arrives, whichever is
sooner. Rows that another worker is claiming at the same moment are skipped, not waited for.

Rows are read and written by their place in the table (ctid), never by the monitor's number: while a
snapshot is held, by a dump for instance, every check leaves a dead version of the row behind, and
the index on the number leads to all of them. ANY(ARRAY(SELECT ...)) ensures access by ctid: for a
plain join on ctid, PostgreSQL may scan the whole table.

A worker at a location claims for that location only, from the schedule of locations; a worker
without one claims the monitors that name no locations.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.schedule import NEXT_DUE, NEXT_DUE_AT_LOCATION, TABLES, table_of

# How many seconds before it is due a check can be claimed. Workers wake up every second, so with
# two seconds of lead time every check starts on time, even if a wake-up is lost.
HORIZON_SECONDS = 2
# Seconds that a lease lasts beyond the check's timeout: the horizon, because a check can be claimed
# that early, and five to store the result.
MARGIN_SECONDS = HORIZON_SECONDS + 5
# Rows become claimable when they are written, or later, but are visible only once their transaction
# has committed. If that takes no longer than this, the next claim still finds them.
SLACK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that belongs to this worker until its lease ends.

    `planned_at` is `due_at` on this process's clock, time.perf_counter. It is derived from the time
    left according to the database, so workers with different clocks agree. `place` is the place of
    the monitor's row in the schedule of `location`. `leased`: the lease ends before the next slot,
    so the monitor must be moved back to that slot when the result is stored.
    """

    monitor_id: int
    version: int
    kind: str
    timeout_seconds: float
    due_at: datetime
    planned_at: float
    lease: int
    place: str
    leased: bool
    location: str = ""


class Floor:
    """The time from which a process's next claim searches: all earlier checks are claimed.

    Without it, a claim would step over all the dead versions below it in the index on time. Rows
    that are left below it nevertheless, by a transaction that took long to commit for instance, are
    found by app.checks.sweep.
    """

    def __init__(self) -> None:
        # New rows are never below `at`. After a full batch, `reached` is how far it got: the next
        # batch continues there, and rows added below it wait for the round after that.
        self.at: datetime | None = None
        self.reached: datetime | None = None

    def move(self, now: datetime, reached: datetime | None) -> None:
        """Move the floor after a claim at `now`; `reached`: how far a full batch got, else None."""
        self.at = now if reached is None else min(now, reached)
        self.reached = reached


# An expired lease makes its monitor due now, not at the next slot to which it was moved. When the
# clock has been set back, new rows are below the floor, hence least().
_CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT ctid, monitor_id, {location}claimable_at,
            least(due_at, greatest(claimable_at, now())) AS due_at
        FROM {table}
        WHERE {here}claimable_at <= now() + CAST(:horizon AS interval)
          AND claimable_at >= coalesce(CAST(:reached AS timestamptz),
              least(now(), coalesce(CAST(:floor AS timestamptz), '-infinity'))
                  - CAST(:slack AS interval))
        ORDER BY claimable_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), planned AS (
        SELECT due.ctid, due.due_at, m.version, m.kind, m.timeout_seconds,
            {next_due} AS next_due_at,
            greatest(due.due_at, now()) + make_interval(secs => m.timeout_seconds)
                + CAST(:margin AS interval) AS lease_ends_at
        FROM due JOIN monitors m ON m.id = due.monitor_id
    ), claimed AS (
        UPDATE {table} s
        SET due_at = p.next_due_at, claimable_at = least(p.next_due_at, p.lease_ends_at),
            lease = :lease
        FROM planned p
        WHERE s.ctid = ANY(ARRAY(SELECT ctid FROM due)) AND s.ctid = p.ctid
        RETURNING s.monitor_id, p.version, p.kind, p.timeout_seconds, p.due_at,
            CAST(extract(epoch FROM p.due_at - clock_timestamp()) AS float) AS wait,
            CAST(s.ctid AS text) AS place, s.claimable_at < s.due_at AS leased
    )
    SELECT now() AS now, (SELECT max(claimable_at) FROM due) AS reached, claimed.*
    FROM (VALUES (1)) AS one LEFT JOIN claimed ON true
"""
_CLAIM_ANYWHERE = text(_CLAIM.format(table=table_of(""), location="", here="", next_due=NEXT_DUE))
_CLAIM_AT_LOCATION = text(
    _CLAIM.format(
        table=table_of("somewhere"),
        location="location, ",
        here="location = :location AND ",
        next_due=NEXT_DUE_AT_LOCATION,
    )
)

# Only where the lease is still ours: another worker may have claimed the monitor by now. Locked
# rows are skipped: they are being planned, suspended or deleted, which ends the lease too. There
# may be many at a time, so waiting for them could make two transactions wait for each other.
_RELEASE = {
    table: text(f"""
        UPDATE {table} s
        SET due_at = greatest(v.due_at, clock_timestamp()),
            claimable_at = greatest(v.due_at, clock_timestamp()), lease = NULL
        FROM (
            SELECT monitor_id, lease, due_at, CAST(place AS tid) AS place
            FROM unnest(
                CAST(:monitors AS int[]), CAST(:leases AS bigint[]), CAST(:due AS timestamptz[]),
                CAST(:places AS text[])) AS t (monitor_id, lease, due_at, place)
        ) AS v
        WHERE s.ctid = ANY(ARRAY(
                SELECT ctid FROM {table}
                WHERE ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:places AS text[])) AS tid)))
                FOR UPDATE SKIP LOCKED))
          AND s.ctid = v.place AND s.monitor_id = v.monitor_id AND s.lease = v.lease
    """)  # noqa: S608  (a name of app.checks.schedule)
    for table in TABLES
}


async def claim(
    session: AsyncSession, limit: int, floor: Floor | None = None, location: str = ""
) -> list[Claim]:
    """Claim checks that are due now or within the horizon, the earliest first.

    `floor` belongs to this process and moves when the transaction is committed. With a `location`,
    only checks to be made there are claimed; without one, only checks to be made anywhere.
    """
    lease = secrets.randbits(62)
    values: dict[str, Any] = {
        "horizon": timedelta(seconds=HORIZON_SECONDS),
        "margin": timedelta(seconds=MARGIN_SECONDS),
        "slack": timedelta(seconds=SLACK_SECONDS),
        "floor": floor.at if floor else None,
        "reached": floor.reached if floor else None,
        "limit": limit,
        "lease": lease,
    }
    if location:
        done = await session.execute(_CLAIM_AT_LOCATION, values | {"location": location})
    else:
        done = await session.execute(_CLAIM_ANYWHERE, values)
    rows = done.all()
    now = time.perf_counter()
    claims = [
        Claim(
            row.monitor_id,
            row.version,
            row.kind,
            row.timeout_seconds,
            row.due_at,
            now + row.wait,
            lease,
            row.place,
            row.leased,
            location,
        )
        for row in rows
        if row.monitor_id is not None
    ]
    if floor is not None:
        reached = rows[0].reached if len(claims) == limit else None
        _move_when_committed(session, floor, rows[0].now, reached)
    return claims


async def release(session: AsyncSession, claims: Sequence[Claim]) -> None:
    """Release checks that were not made, so that other workers can claim them at once."""
    for table, part in by_table(claims).items():
        values = {
            "monitors": [claimed.monitor_id for claimed in part],
            "leases": [claimed.lease for claimed in part],
            "due": [claimed.due_at for claimed in part],
            "places": [claimed.place for claimed in part],
        }
        await session.execute(_RELEASE[table], values)


def by_table(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """Group claims by the table that holds their monitors' schedules."""
    parts: dict[str, list[Claim]] = {}
    for claimed in claims:
        parts.setdefault(table_of(claimed.location), []).append(claimed)
    return parts


def _move_when_committed(
    session: AsyncSession, floor: Floor, now: datetime, reached: datetime | None
) -> None:
    # If the transaction is rolled back, the next claim must find these checks again.
    def move(_: object) -> None:
        floor.move(now, reached)

    event.listen(session.sync_session, "after_commit", move, once=True)
