"""Latencies over time for a chart, per hour or per day, from the same sums as uptime."""

from collections.abc import Iterable
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.histogram import BUCKETS, percentile
from app.checks.uptime import WINDOWS, Window

_SECONDS = {"hour": 3600, "day": 24 * 3600}
_TABLES = {"hour": "hourly_stats", "day": "daily_stats"}


class LatencyPoint(BaseModel):
    """The checks of an hour or a day; milliseconds are null if none of them has a latency."""

    at: AwareDatetime = Field(description="Start of the hour or the day, in UTC.")
    count: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class LatencySeries(BaseModel):
    """Latencies of successful checks, oldest first; periods without checks are left out."""

    range: Window
    bucket_seconds: int = Field(examples=[3600])
    points: list[LatencyPoint]


# The current hour is in `states`. If a clock was set back, it may be in the sums as well.
_SUMS = {
    unit: text(f"""
        SELECT {unit} AS at, checks, failed, latencies FROM {table}
        WHERE monitor_id = :id
          AND {unit} >= date_trunc('{unit}', now(), 'UTC') - make_interval({unit}s => :length)
        UNION ALL
        SELECT date_trunc('{unit}', hour, 'UTC'), hour_checks, hour_failed, hour_latencies
        FROM states
        WHERE monitor_id = :id
          AND hour >= date_trunc('{unit}', now(), 'UTC') - make_interval({unit}s => :length)
        ORDER BY at
    """)  # noqa: S608  (constants)
    for unit, table in _TABLES.items()
}


async def latency_series(session: AsyncSession, monitor_id: int, window: Window) -> LatencySeries:
    """Return a monitor's latencies over one of the windows of its uptime."""
    unit, length = WINDOWS[window]
    rows = await session.execute(_SUMS[unit], {"id": monitor_id, "length": length})
    return LatencySeries(range=window, bucket_seconds=_SECONDS[unit], points=_points(rows))


def _points(rows: Iterable[Any]) -> list[LatencyPoint]:
    sums: dict[Any, tuple[int, int, list[int]]] = {}
    for at, checks, failed, latencies in rows:
        before, failed_before, counts = sums.get(at, (0, 0, [0] * BUCKETS))
        if latencies:
            # The element after the last bucket, for checks without a latency, is dropped.
            counts = [a + b for a, b in zip(counts, latencies, strict=False)]
        sums[at] = (before + checks, failed_before + failed, counts)
    return [
        LatencyPoint(
            at=at,
            count=checks,
            failed=failed,
            p50_ms=percentile(counts, 0.5),
            p95_ms=percentile(counts, 0.95),
            p99_ms=percentile(counts, 0.99),
        )
        for at, (checks, failed, counts) in sums.items()
        if checks > 0
    ]
