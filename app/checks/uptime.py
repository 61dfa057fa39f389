"""Uptime and latencies over long times, from hourly sums.

A window reaches back to the beginning of an hour: 24 h hold at least 24 hours and less than 25.
"""

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.histogram import BUCKETS, percentile

WINDOWS = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24, "90d": 90 * 24}


class Latency(BaseModel):
    """Milliseconds; null without a check that went well."""

    median: float | None
    p95: float | None
    p99: float | None


class Uptime(BaseModel):
    """One window."""

    uptime: float | None = Field(
        description="Share of the checks that went well, 0 to 1; null without checks."
    )
    checks: int
    latency_ms: Latency


# The hour that has begun is in `states` until it is over.
_HOURS = """
    SELECT monitor_id, hour, checks, up, latencies FROM hours
    UNION ALL
    SELECT monitor_id, hour, hour_checks, hour_up, hour_latencies FROM states
"""

_SUMS = text(f"""
    SELECT sum(checks) AS checks, sum(up) AS up
    FROM ({_HOURS}) h
    WHERE monitor_id = :id AND hour >= date_trunc('hour', now()) - make_interval(hours => :hours)
""")  # noqa: S608  (a constant of this module)

_LATENCIES = text(f"""
    SELECT place, sum(count) AS count
    FROM ({_HOURS}) h, unnest(latencies) WITH ORDINALITY AS t (count, place)
    WHERE monitor_id = :id AND hour >= date_trunc('hour', now()) - make_interval(hours => :hours)
      AND count > 0
    GROUP BY place
""")  # noqa: S608  (a constant of this module)

_RATIOS = text(f"""
    SELECT monitor_id, CAST(sum(up) AS float) / nullif(sum(checks), 0) AS ratio
    FROM ({_HOURS}) h
    WHERE hour >= date_trunc('hour', now()) - interval '24 hours'
    GROUP BY monitor_id
""")  # noqa: S608  (a constant of this module)


async def uptimes(session: AsyncSession, monitor_id: int) -> dict[str, Uptime]:
    """Each window's figures for one monitor."""
    return {name: await _uptime(session, monitor_id, hours) for name, hours in WINDOWS.items()}


async def _uptime(session: AsyncSession, monitor_id: int, hours: int) -> Uptime:
    window = {"id": monitor_id, "hours": hours}
    sums = (await session.execute(_SUMS, window)).one()
    counts = [0] * BUCKETS
    for place, count in await session.execute(_LATENCIES, window):
        if place <= BUCKETS:
            counts[place - 1] = int(count)
    return Uptime(
        uptime=sums.up / sums.checks if sums.checks else None,
        checks=sums.checks or 0,
        latency_ms=Latency(
            median=percentile(counts, 0.5),
            p95=percentile(counts, 0.95),
            p99=percentile(counts, 0.99),
        ),
    )


async def ratios_of_a_day(session: AsyncSession) -> dict[int, float | None]:
    """Each monitor's uptime over 24 h, 0 to 1."""
    rows = await session.execute(_RATIOS)
    return {row.monitor_id: row.ratio for row in rows}
