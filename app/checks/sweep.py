"""Find monitors that no claim would find: left below the floor, or due far in the future."""

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.checks.claiming import MARGIN_SECONDS
from app.checks.schedule import table_of
from app.database import Database

log = logging.getLogger(__name__)

# Rows that have been claimable for this long count as left behind. If the workers are merely
# overloaded, the rows are only late, and planning them again does no harm.
BEHIND = timedelta(seconds=15)

# Due or claimable later than any claim can have set: the clock was ahead and has been set back.
_SWEEP = """
    WITH lost AS MATERIALIZED (
        SELECT s.ctid, CASE WHEN s.claimable_at < now() - CAST(:behind AS interval)
                THEN least(s.due_at, clock_timestamp())
            ELSE clock_timestamp() + p.patience END AS due_at
        FROM {table} s
        JOIN monitors m ON m.id = s.monitor_id
        CROSS JOIN LATERAL (
            SELECT make_interval(secs => CASE WHEN m.kind = 'heartbeat'
                THEN m.interval_seconds + CAST(m.spec ->> 'grace_seconds' AS int)
                ELSE 0 END) AS patience
        ) p
        WHERE {here}(s.claimable_at < now() - CAST(:behind AS interval)
           OR s.claimable_at < 'infinity' AND greatest(s.due_at, s.claimable_at) > now()
              + make_interval(secs => m.interval_seconds + m.timeout_seconds)
              + p.patience + CAST(:margin AS interval))
        FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE {table} s
    SET due_at = lost.due_at, claimable_at = greatest(lost.due_at, clock_timestamp()),
        {expected_from}lease = NULL
    FROM lost
    WHERE s.ctid = lost.ctid
"""
_SWEEP_ANYWHERE = text(
    _SWEEP.format(
        table=table_of(""),
        here="",
        expected_from="expected_from = least(s.expected_from, now()), ",
    )
)
_SWEEP_AT_LOCATION = text(
    _SWEEP.format(table=table_of("somewhere"), here="s.location = :location AND ", expected_from="")
)


async def sweep(database: Database, location: str = "") -> int:
    """Make lost monitors claimable again; return their number. Raises DatabaseUnavailable.

    It scans the whole schedule, so it should run every minute, not every second. Only `location` is
    covered: monitors that wait at another one, which has no worker, must remain visible as waiting.
    """
    values: dict[str, Any] = {"behind": BEHIND, "margin": timedelta(seconds=MARGIN_SECONDS)}
    async with database.transaction() as session:
        if location:
            done = await session.execute(_SWEEP_AT_LOCATION, values | {"location": location})
        else:
            done = await session.execute(_SWEEP_ANYWHERE, values)
    found = int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it
    if found:
        log.warning("%d monitors were late or lost, and will be claimed again", found)
    return found
