"""Find monitors that no claim would find: left below the floor, or due far in the future."""

import logging
from datetime import timedelta

from sqlalchemy import text

from app.checks.claiming import MARGIN_SECONDS
from app.database import Database

log = logging.getLogger(__name__)

# Rows that have been claimable for this long count as left behind. If the workers are merely
# overloaded, the rows are only late, and planning them again does no harm.
BEHIND = timedelta(seconds=15)

# Due or claimable later than any claim can have set: the clock was ahead and has been set back.
_SWEEP = text("""
    WITH lost AS MATERIALIZED (
        SELECT s.ctid, CASE WHEN s.claimable_at < now() - CAST(:behind AS interval)
                THEN least(s.due_at, clock_timestamp())
            ELSE clock_timestamp() + p.patience END AS due_at
        FROM schedule s
        JOIN monitors m ON m.id = s.monitor_id
        CROSS JOIN LATERAL (
            SELECT make_interval(secs => CASE WHEN m.kind = 'heartbeat'
                THEN m.interval_seconds + CAST(m.spec ->> 'grace_seconds' AS int)
                ELSE 0 END) AS patience
        ) p
        WHERE s.claimable_at < now() - CAST(:behind AS interval)
           OR s.claimable_at < 'infinity' AND greatest(s.due_at, s.claimable_at) > now()
              + make_interval(secs => m.interval_seconds + m.timeout_seconds)
              + p.patience + CAST(:margin AS interval)
        FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE schedule s
    SET due_at = lost.due_at, claimable_at = greatest(lost.due_at, clock_timestamp()),
        expected_from = least(s.expected_from, now()), lease = NULL
    FROM lost
    WHERE s.ctid = lost.ctid
""")


async def sweep(database: Database) -> int:
    """Make lost monitors claimable again; return their number. Raises DatabaseUnavailable.

    It scans the whole schedule, so it should run every minute, not every second.
    """
    values = {"behind": BEHIND, "margin": timedelta(seconds=MARGIN_SECONDS)}
    async with database.transaction() as session:
        done = await session.execute(_SWEEP, values)
    found = int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it
    if found:
        log.warning("%d monitors were late or lost, and will be claimed again", found)
    return found
