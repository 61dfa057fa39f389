"""Record results and everything that follows from them, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.transition import Standing, transition
from app.probing.result import Result


@dataclass(frozen=True, slots=True)
class CompletedCheck:
    """A completed check: the time for which it was planned, when it ended, and its result."""

    monitor_id: int
    scheduled_at: datetime
    checked_at: datetime
    result: Result


# Rows are locked in the order of monitor numbers, so that two transactions that write to the same
# monitors never deadlock.
_LOCK = text("""
    SELECT s.monitor_id, s.state, s.failures, m.confirmations
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

_UPDATE = text("""
    UPDATE states s
    SET state = v.state, failures = v.failures, checked_at = v.checked_at,
        since = CASE WHEN s.state = v.state THEN s.since ELSE v.checked_at END,
        latency_ms = v.latency_ms, error = v.error
    FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:state AS text[]), CAST(:failures AS int[]),
        CAST(:checked_at AS timestamptz[]), CAST(:latency_ms AS real[]), CAST(:error AS text[])
    ) AS v (monitor_id, state, failures, checked_at, latency_ms, error)
    WHERE s.monitor_id = v.monitor_id
""")


async def record(session: AsyncSession, finished: Sequence[CompletedCheck]) -> None:
    """Store results, at most one per monitor, and update the states.

    A result is skipped if its monitor has been deleted in the meantime.
    """
    locked = await session.execute(_LOCK, {"ids": [each.monitor_id for each in finished]})
    monitors = {row.monitor_id: row for row in locked}
    kept = [each for each in finished if each.monitor_id in monitors]
    if not kept:
        return
    standings = []
    for each in kept:
        row = monitors[each.monitor_id]
        before = Standing(row.state, row.failures)
        standings.append(transition(before, ok=each.result.ok, confirmations=row.confirmations))
    shared = {
        "monitor_id": [each.monitor_id for each in kept],
        "checked_at": [each.checked_at for each in kept],
        "latency_ms": [each.result.latency_ms for each in kept],
        "error": [each.result.error for each in kept],
    }
    await session.execute(
        _INSERT,
        shared
        | {
            "scheduled_at": [each.scheduled_at for each in kept],
            "ok": [each.result.ok for each in kept],
            "status_code": [each.result.status_code for each in kept],
            "dns_ms": [each.result.timings.dns_ms for each in kept],
            "connect_ms": [each.result.timings.connect_ms for each in kept],
            "tls_ms": [each.result.timings.tls_ms for each in kept],
            "first_byte_ms": [each.result.timings.first_byte_ms for each in kept],
        },
    )
    await session.execute(
        _UPDATE,
        shared
        | {
            "state": [standing.state for standing in standings],
            "failures": [standing.failures for standing in standings],
        },
    )
