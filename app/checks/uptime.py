"""Uptime and latencies over long periods, from hourly and daily sums.

Windows of hours start at the beginning of an hour: 24 h cover at least 24 and less than 25 hours.
Windows of 30 and 90 days start at the beginning of a UTC day.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.histogram import BUCKETS, percentile

Window = Literal["24h", "7d", "30d", "90d"]

# By name: which sums are added up, and how many of them.
WINDOWS: Mapping[Window, tuple[Literal["hour", "day"], int]] = {
    "24h": ("hour", 24),
    "7d": ("hour", 7 * 24),
    "30d": ("day", 30),
    "90d": ("day", 90),
}


class Latency(BaseModel):
    """Latencies in milliseconds; null if no check succeeded."""

    median: float | None
    p95: float | None
    p99: float | None


class Uptime(BaseModel):
    """A monitor's uptime and latencies over one window."""

    uptime: float | None = Field(
        description="Uptime from 0 to 1, as a share of the time for which it is known whether it "
        "was up or down; null if nothing is known."
    )
    checks: int
    failed: int = Field(description="Number of failed checks.")
    latency_ms: Latency


# The hour of the last check stays in `states` until the first check in another hour.
_WINDOWS = text(f"""
    WITH windows AS (
        SELECT name, unit, date_trunc(unit, now(), 'UTC')
            - make_interval(hours => CASE unit WHEN 'day' THEN 24 ELSE 1 END * length) AS begin
        FROM unnest(CAST(:names AS text[]), CAST(:units AS text[]), CAST(:lengths AS int[]))
            AS w (name, unit, length)
    ), sums AS (
        SELECT 'hour' AS unit, hour AS at, checks, failed, up_ms, down_ms, latencies
        FROM hourly_stats
        WHERE monitor_id = :id AND hour >= (SELECT min(begin) FROM windows WHERE unit = 'hour')
        UNION ALL
        SELECT 'day', day, checks, failed, up_ms, down_ms, latencies
        FROM daily_stats
        WHERE monitor_id = :id AND day >= (SELECT min(begin) FROM windows WHERE unit = 'day')
        UNION ALL
        SELECT unit, date_trunc(unit, hour, 'UTC'), hour_checks, hour_failed, hour_up_ms,
            hour_down_ms, hour_latencies
        FROM states, (VALUES ('hour'), ('day')) AS u (unit)
        WHERE monitor_id = :id
    ), inside AS (
        SELECT w.name, s.* FROM windows w JOIN sums s ON s.unit = w.unit AND s.at >= w.begin
    ), buckets AS (
        SELECT name, place, sum(count) AS count
        FROM inside, unnest(latencies) WITH ORDINALITY AS l (count, place)
        WHERE count > 0 AND place <= {BUCKETS}
        GROUP BY name, place
    )
    SELECT i.name, sum(checks) AS checks, sum(failed) AS failed,
        CAST(sum(up_ms) AS float) / nullif(sum(up_ms) + sum(down_ms), 0) AS uptime,
        ARRAY(SELECT place FROM buckets b WHERE b.name = i.name ORDER BY place) AS places,
        ARRAY(SELECT count FROM buckets b WHERE b.name = i.name ORDER BY place) AS counts
    FROM inside i
    GROUP BY i.name
""")  # noqa: S608  (a constant of app.checks.histogram)

# Of all monitors; part of a larger query.
RATIOS_OF_A_DAY = """
    SELECT monitor_id, CAST(sum(up_ms) AS float) / nullif(sum(up_ms) + sum(down_ms), 0) AS ratio
    FROM (
        SELECT monitor_id, up_ms, down_ms FROM hourly_stats
        WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '24 hours'
        UNION ALL
        SELECT monitor_id, hour_up_ms, hour_down_ms FROM states
        WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '24 hours'
    ) h
    GROUP BY monitor_id
"""


async def uptimes(session: AsyncSession, monitor_id: int) -> dict[str, Uptime]:
    """Return one monitor's figures for all windows, by window name."""
    values = {
        "id": monitor_id,
        "names": list(WINDOWS),
        "units": [unit for unit, _ in WINDOWS.values()],
        "lengths": [length for _, length in WINDOWS.values()],
    }
    rows = {row.name: row for row in await session.execute(_WINDOWS, values)}
    return {name: _uptime(rows.get(name)) for name in WINDOWS}


def _uptime(row: object) -> Uptime:
    counts = [0] * BUCKETS
    for place, count in zip(getattr(row, "places", ()), getattr(row, "counts", ()), strict=True):
        counts[place - 1] = int(count)
    return Uptime(
        uptime=getattr(row, "uptime", None),
        checks=getattr(row, "checks", 0),
        failed=getattr(row, "failed", 0),
        latency_ms=Latency(
            median=percentile(counts, 0.5),
            p95=percentile(counts, 0.95),
            p99=percentile(counts, 0.99),
        ),
    )
