"""Which checks are due, and which worker has them.

A check is claimed by moving its monitor on to the next slot, under a lease: should the worker be
killed, another one claims the monitor when the lease ends or the next slot has come, whichever
is sooner. Rows that another worker is claiming at this moment are skipped, not waited for.

A row is read and written by its place in the table (ctid) and never by its monitor's number: while
a snapshot is held, by a dump for instance, every check leaves a dead version of the row behind, and
the index by number leads to all of them. ANY(ARRAY(SELECT ...)) makes sure of that: for a join by
ctid alone PostgreSQL may read the table whole.

A worker claims for one location, and from the schedule of those; without one, it claims the
monitors that name no locations.
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

# Seconds by which a check is claimed before it is due. Workers are woken every second; with two
# to spare every check starts on time, even if a wake-up is lost.
HORIZON_SECONDS = 2
# Seconds that a lease lasts beyond the check's timeout: the horizon, by which it can be claimed
# early too, and five to store the result.
MARGIN_SECONDS = HORIZON_SECONDS + 5
# Rows become claimable at the time at which they are written, or later. They are seen once their
# transaction is committed, which may take this long for the next claim to find them.
SLACK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that is ours until its lease ends.

    `planned_at` is `due_at` by this process's clock, time.perf_counter: derived from what the
    database says is left until then, so workers whose clocks differ do not disagree. `place` is
    where the monitor's schedule is stored, in the table of `location`. `leased`: the lease ends
    before the next slot, which the monitor is to be given back to when the result is stored.
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
    """From where a process's next claim searches: all that was due before has been claimed.

    Without it a claim would pass all the dead versions that lie below, in the index by time.
    What is left below all the same, by a transaction that took long to commit for instance, is
    found by app.checks.sweep.
    """

    def __init__(self) -> None:
        # Rows that enter are never below `at`. After a full batch, `reached` is how far it came:
        # the next one goes on there, and what has entered below waits for the round after.
        self.at: datetime | None = None
        self.reached: datetime | None = None

    def move(self, now: datetime, reached: datetime | None) -> None:
        """After a claim at `now`: a full batch came as far as `reached`, else it is None."""
        self.at = now if reached is None else min(now, reached)
        self.reached = reached


# A lease that has run out makes its monitor due now, not at the next slot that it was moved on to.
# A clock that was set back has rows enter below the floor, hence least().
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

# Only where the lease is still ours: another worker may have claimed the monitor by now. What is
# locked is not waited for: it is being planned, suspended or deleted, which ends the lease too, and
# many at a time may be, so that two transactions could wait for each other.
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

    `floor` is this process's, and moves when the transaction is committed. `location`: of those
    to be made there; none: of those to be made anywhere.
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
    """Give back checks that were not made, for others to claim at once."""
    for table, part in by_table(claims).items():
        values = {
            "monitors": [claimed.monitor_id for claimed in part],
            "leases": [claimed.lease for claimed in part],
            "due": [claimed.due_at for claimed in part],
            "places": [claimed.place for claimed in part],
        }
        await session.execute(_RELEASE[table], values)


def by_table(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """Return claims by the table that their monitors' schedules are in."""
    parts: dict[str, list[Claim]] = {}
    for claimed in claims:
        parts.setdefault(table_of(claimed.location), []).append(claimed)
    return parts


def _move_when_committed(
    session: AsyncSession, floor: Floor, now: datetime, reached: datetime | None
) -> None:
    # What was claimed in a transaction that is rolled back must be found again.
    def move(_: object) -> None:
        floor.move(now, reached)

    event.listen(session.sync_session, "after_commit", move, once=True)
