"""Which checks are due, and whose they are.

A check is claimed by moving its monitor's `claimable_at` to the end of a lease. Rows that
another worker is claiming at this moment are skipped, not waited for. A worker that is killed
loses nothing: its leases run out, and others claim what it had.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Seconds by which a check is claimed before it is due. Workers are woken every second; with two
# to spare each check starts on time, and a wake-up that is lost delays none.
HORIZON_SECONDS = 2
# Seconds that a lease lasts beyond the check's timeout: the horizon, by which it can be claimed
# early too, and five to store the result.
MARGIN_SECONDS = HORIZON_SECONDS + 5


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that is ours until its lease ends.

    `planned_at` is `due_at` by this process's clock, time.perf_counter: it is what the database
    says that is left until then, so workers whose clocks differ do not disagree.
    """

    monitor_id: int
    version: int
    kind: str
    timeout_seconds: float
    due_at: datetime
    planned_at: float
    lease: int


_CLAIM = text("""
    WITH due AS MATERIALIZED (
        SELECT monitor_id FROM states
        WHERE claimable_at <= now() + CAST(:horizon AS interval)
        ORDER BY claimable_at
        LIMIT :most
        FOR UPDATE SKIP LOCKED
    )
    UPDATE states s
    SET lease = :lease,
        claimable_at = greatest(s.due_at, now()) + make_interval(secs => m.timeout_seconds)
            + CAST(:margin AS interval)
    FROM due JOIN monitors m ON m.id = due.monitor_id
    WHERE s.monitor_id = due.monitor_id
    RETURNING s.monitor_id, m.version, m.kind, m.timeout_seconds, s.due_at,
        CAST(extract(epoch FROM s.due_at - clock_timestamp()) AS float) AS wait
""")

# Only what is still ours: another worker may have it by now.
_RELEASE = text("""
    UPDATE states s SET claimable_at = s.due_at, lease = NULL
    FROM unnest(CAST(:monitors AS int[]), CAST(:leases AS bigint[])) AS v (monitor_id, lease)
    WHERE s.monitor_id = v.monitor_id AND s.lease = v.lease
""")


async def claim(session: AsyncSession, most: int) -> list[Claim]:
    """Claim checks that are due now or within the horizon, the earliest first."""
    lease = secrets.randbits(62)
    values = {
        "horizon": timedelta(seconds=HORIZON_SECONDS),
        "margin": timedelta(seconds=MARGIN_SECONDS),
        "most": most,
        "lease": lease,
    }
    rows = await session.execute(_CLAIM, values)
    now = time.perf_counter()
    return [
        Claim(id_, version, kind, timeout, due_at, now + wait, lease)
        for id_, version, kind, timeout, due_at, wait in rows
    ]


async def release(session: AsyncSession, claims: Sequence[Claim]) -> None:
    """Give back checks that were not made, for others to claim at once."""
    values = {
        "monitors": [each.monitor_id for each in claims],
        "leases": [each.lease for each in claims],
    }
    await session.execute(_RELEASE, values)
