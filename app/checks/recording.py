"""Results are written here, and all that follows from them, in the caller's transaction.

A result, the state, the incident and the notifications that it causes are stored together or
not at all: whoever is killed in the middle leaves no outage that nobody is told of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.histogram import BUCKETS, bucket
from app.checks.schedule import next_due
from app.checks.transition import Standing, transition
from app.incidents.turns import Turn, close_incidents, open_incidents
from app.probing.result import Result


@dataclass(frozen=True, slots=True)
class Finished:
    """A check that has been made: for which time it was planned, when it was over, its result.

    `lease` is the one under which a worker made it. None: somebody asked for it now, and what
    is planned stays as it is; or it is a heartbeat.
    """

    monitor_id: int
    scheduled_at: datetime
    checked_at: datetime
    result: Result
    lease: int | None = None


class Recorded(NamedTuple):
    """How many results were stored, and how many notifications wait to be delivered for them."""

    stored: int = 0
    notifications: int = 0


# In the order of their numbers, so that two who write about the same monitors wait for each
# other and never each for the other.
_LOCK = text("""
    SELECT s.monitor_id, s.state, s.failures, s.lease, s.hour,
           m.name, m.kind, m.spec, m.interval_seconds, m.confirmations
    FROM states s JOIN monitors m ON m.id = s.monitor_id
    WHERE s.monitor_id = ANY(CAST(:ids AS int[]))
    ORDER BY s.monitor_id
    FOR UPDATE OF s
""")

_INSERT = text("""
    INSERT INTO checks (monitor_id, scheduled_at, checked_at, ok, status_code,
                        latency_ms, dns_ms, connect_ms, tls_ms, first_byte_ms, error)
    SELECT * FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:scheduled_at AS timestamptz[]),
        CAST(:checked_at AS timestamptz[]), CAST(:ok AS bool[]), CAST(:status_code AS int2[]),
        CAST(:latency_ms AS real[]), CAST(:dns_ms AS real[]), CAST(:connect_ms AS real[]),
        CAST(:tls_ms AS real[]), CAST(:first_byte_ms AS real[]), CAST(:error AS text[]))
    ON CONFLICT DO NOTHING
""")

# The hour that is over becomes a row of its own. It is added to, not overwritten: a clock that
# was set back brings the same hour twice.
_END_HOURS = text("""
    INSERT INTO hours AS h (monitor_id, hour, checks, up, latencies)
    SELECT monitor_id, hour, hour_checks, hour_up, hour_latencies
    FROM states
    WHERE monitor_id = ANY(CAST(:ids AS int[])) AND hour_checks > 0
    ON CONFLICT (monitor_id, hour) DO UPDATE
    SET checks = h.checks + excluded.checks, up = h.up + excluded.up,
        latencies = ARRAY(SELECT a + b FROM unnest(h.latencies, excluded.latencies) AS t (a, b))
""")

_BEGIN_HOURS = text("""
    UPDATE states
    SET hour = v.hour, hour_checks = 0, hour_up = 0, hour_latencies = DEFAULT
    FROM unnest(CAST(:ids AS int[]), CAST(:hours AS timestamptz[])) AS v (monitor_id, hour)
    WHERE states.monitor_id = v.monitor_id
""")

_UPDATE = text("""
    UPDATE states s
    SET state = v.state, failures = v.failures, checked_at = v.checked_at,
        since = CASE WHEN s.state = v.state THEN s.since ELSE v.checked_at END,
        latency_ms = v.latency_ms, error = v.error,
        due_at = coalesce(v.due_at, s.due_at),
        claimable_at = coalesce(v.due_at, s.claimable_at),
        lease = CASE WHEN v.due_at IS NULL THEN s.lease END,
        hour_checks = s.hour_checks + 1, hour_up = s.hour_up + CAST(v.ok AS int),
        hour_latencies[v.place] = s.hour_latencies[v.place] + 1
    FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:state AS text[]), CAST(:failures AS int[]),
        CAST(:checked_at AS timestamptz[]), CAST(:latency_ms AS real[]), CAST(:error AS text[]),
        CAST(:due_at AS timestamptz[]), CAST(:ok AS bool[]), CAST(:place AS int[])
    ) AS v (monitor_id, state, failures, checked_at, latency_ms, error, due_at, ok, place)
    WHERE s.monitor_id = v.monitor_id
""")


async def record(session: AsyncSession, finished: Sequence[Finished]) -> Recorded:
    """Store results, one for each monitor at the most, with everything that follows from them.

    Left out is what has no monitor any more, and what comes under a lease that has ended: its
    check has been given to somebody else, or the monitor has been changed or paused.
    """
    locked = await session.execute(_LOCK, {"ids": [each.monitor_id for each in finished]})
    monitors = {row.monitor_id: row for row in locked}
    kept = [each for each in finished if _holds(each, monitors.get(each.monitor_id))]
    if not kept:
        return Recorded()
    standings = [_standing(each, monitors[each.monitor_id]) for each in kept]
    await _begin_new_hours(session, kept, monitors)
    shared = {
        "monitor_id": [each.monitor_id for each in kept],
        "checked_at": [each.checked_at for each in kept],
        "ok": [each.result.ok for each in kept],
        "latency_ms": [each.result.latency_ms for each in kept],
        "error": [each.result.error for each in kept],
    }
    inserted = {
        "scheduled_at": [each.scheduled_at for each in kept],
        "status_code": [each.result.status_code for each in kept],
        "dns_ms": [each.result.timings.dns_ms for each in kept],
        "connect_ms": [each.result.timings.connect_ms for each in kept],
        "tls_ms": [each.result.timings.tls_ms for each in kept],
        "first_byte_ms": [each.result.timings.first_byte_ms for each in kept],
    }
    await session.execute(_INSERT, shared | inserted)
    pairs = list(zip(kept, standings, strict=True))
    updated = {
        "state": [standing.state for standing in standings],
        "failures": [standing.failures for standing in standings],
        "due_at": [_due(each, now, monitors[each.monitor_id]) for each, now in pairs],
        "place": [_place(each.result) for each in kept],
    }
    await session.execute(_UPDATE, shared | updated)
    turns = [
        Turn(
            each.monitor_id,
            monitors[each.monitor_id].name,
            now.state,
            each.checked_at,
            each.result.error,
        )
        for each, now in pairs
        if now.state != monitors[each.monitor_id].state
    ]
    notifications = await open_incidents(session, [turn for turn in turns if turn.state == "down"])
    notifications += await close_incidents(session, [turn for turn in turns if turn.state == "up"])
    return Recorded(len(kept), notifications)


def _holds(each: Finished, row: Any) -> bool:
    return row is not None and each.lease in (None, row.lease)


def _standing(each: Finished, row: Any) -> Standing:
    before = Standing(row.state, row.failures)
    return transition(before, ok=each.result.ok, confirmations=row.confirmations)


def _due(each: Finished, now: Standing, row: Any) -> datetime | None:
    """When the next check is due; None leaves it as it is."""
    if now.state == "paused":
        return None
    if row.kind == "heartbeat":
        # After a heartbeat the next one has its time and some grace; a late one is counted
        # again each time that one should have come.
        patience = row.interval_seconds + (row.spec["grace_seconds"] if each.result.ok else 0)
        begin = each.checked_at if each.result.ok else each.scheduled_at
        return max(begin + timedelta(seconds=patience), each.checked_at)
    if each.lease is None:
        return None
    return next_due(
        each.monitor_id,
        row.interval_seconds,
        scheduled_at=each.scheduled_at,
        checked_at=each.checked_at,
        unconfirmed=now.failures > 0 and now.state != "down",
    )


def _place(result: Result) -> int:
    """The place in `hour_latencies`, from 1: a bucket, or the last for what failed."""
    if not result.ok:
        return BUCKETS + 1
    return bucket(result.latency_ms or 0) + 1


async def _begin_new_hours(
    session: AsyncSession, kept: Sequence[Finished], monitors: dict[int, Any]
) -> None:
    hours = {each.monitor_id: _hour(each.checked_at) for each in kept}
    new = {id_: hour for id_, hour in hours.items() if monitors[id_].hour != hour}
    if new:
        await session.execute(_END_HOURS, {"ids": list(new)})
        await session.execute(_BEGIN_HOURS, {"ids": list(new), "hours": list(new.values())})


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
