"""Lock and write the states of monitors, with the sums of their current hour."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import sums
from app.checks.completed import Kept
from app.checks.histogram import BUCKETS, bucket
from app.checks.observed import hour_of, observed
from app.probing.result import Result

# Rows are locked in the order of monitor numbers, so that two transactions that write to the same
# monitors never deadlock. A snapshot that is held keeps every version of a state, and an index on
# the number alone leads to all of them; with the time in it, the last one comes first. Whether a
# window may affect any of them is queried once for all, so that without windows it costs no more.
LOCK = text("""
    WITH locked AS MATERIALIZED (
        SELECT s.*
        FROM unnest(CAST(:ids AS int[])) AS id CROSS JOIN LATERAL (
            SELECT ctid, monitor_id, state, since, failures, checked_at, hour
            FROM states
            WHERE monitor_id = id
            ORDER BY checked_at DESC
            LIMIT 1
            FOR UPDATE
        ) s
    )
    SELECT s.monitor_id, CAST(s.ctid AS text) AS place, s.state, s.since, s.failures, s.checked_at,
           s.hour, clock_timestamp() AS now, m.name, m.kind, m.version, m.confirmations,
           m.interval_seconds + m.timeout_seconds
               + CASE WHEN m.kind = 'heartbeat' THEN CAST(m.spec ->> 'grace_seconds' AS int)
                 ELSE 0 END AS expected_seconds,
           (SELECT EXISTS (
               SELECT FROM maintenance_periods p
               WHERE tstzrange(p.starts_at, p.ends_at) && tstzrange(
                   (SELECT least(min(checked_at), CAST(:earliest AS timestamptz), now())
                    FROM locked),
                   (SELECT clock_timestamp() + CAST(:tolerance AS interval))))) AS maintenance_near
    FROM locked s JOIN monitors m ON m.id = s.monitor_id
""")

# By the rows' places, for the reason given in app.checks.claiming. The rows are locked.
_UPDATE = text("""
    UPDATE states s
    SET state = v.state, failures = v.failures, checked_at = v.checked_at,
        since = CASE WHEN s.state = v.state THEN s.since ELSE v.checked_at END,
        latency_ms = v.latency_ms, error = v.error,
        hour_checks = s.hour_checks + 1,
        hour_failed = s.hour_failed + v.failed,
        hour_up_ms = s.hour_up_ms + CASE s.state WHEN 'up' THEN v.known_ms ELSE 0 END,
        hour_down_ms = s.hour_down_ms + CASE s.state WHEN 'down' THEN v.known_ms ELSE 0 END,
        hour_latencies[v.slot] = least(CAST(s.hour_latencies[v.slot] AS int) + 1, 32767)
    FROM (
        SELECT CAST(place AS tid) AS place, state, failures, checked_at, latency_ms, error,
            failed, known_ms, slot
        FROM unnest(
            CAST(:place AS text[]), CAST(:state AS text[]), CAST(:failures AS int[]),
            CAST(:checked_at AS timestamptz[]), CAST(:latency_ms AS real[]),
            CAST(:error AS text[]), CAST(:failed AS int[]), CAST(:known_ms AS int[]),
            CAST(:slot AS int[])
        ) AS t (place, state, failures, checked_at, latency_ms, error, failed, known_ms, slot)
    ) AS v
    WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:place AS text[])) AS tid)))
      AND s.ctid = v.place
""")


async def update(session: AsyncSession, kept: Sequence[Kept]) -> None:
    """Write the states that follow from results; the monitors' states are locked."""
    places = {entry.done.monitor_id: entry.before.place for entry in kept}
    hours = {entry.done.monitor_id: hour_of(entry.at) for entry in kept}
    ended = [entry.before for entry in kept if entry.before.hour != hours[entry.done.monitor_id]]
    if ended:
        begun = [hours[row.monitor_id] for row in ended]
        places |= await sums.begin_hours(session, [row.place for row in ended], begun)

    here: dict[int, int] = {}
    elsewhere = []
    for entry in kept:
        row = entry.before
        for portion in observed(
            row.state,
            row.checked_at,
            entry.known_until,
            expected_seconds=row.expected_seconds,
            entered=row.since,
        ):
            if portion.hour == hours[row.monitor_id]:
                here[row.monitor_id] = portion.up_ms + portion.down_ms
            else:
                elsewhere.append((row.monitor_id, portion))
    await sums.add_portions(session, elsewhere)

    results = [entry.done.result for entry in kept]
    values = {
        "place": [places[entry.done.monitor_id] for entry in kept],
        "state": [entry.now.state for entry in kept],
        "failures": [entry.now.failures for entry in kept],
        "checked_at": [entry.at for entry in kept],
        "latency_ms": [result.latency_ms for result in results],
        "error": [entry.cause for entry in kept],
        "failed": [int(result.error is not None) for result in results],
        "known_ms": [here.get(entry.done.monitor_id, 0) for entry in kept],
        "slot": [_slot(result) for result in results],
    }
    await session.execute(_UPDATE, values)


def _slot(result: Result) -> int:
    """Return the index in `hour_latencies`, from 1: a bucket's, or the last without a latency."""
    if not result.ok or result.latency_ms is None:
        return BUCKETS + 1
    return bucket(result.latency_ms) + 1
