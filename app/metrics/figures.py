"""Metrics that only the database knows: whether checks are on schedule, and what waits to be sent.

Every API process exposes the same values; in Prometheus, use one of them (`max`), never the sum.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import text

from app.database import Database, DatabaseUnavailable
from app.locations.figures import by_location, overdue
from app.locations.schemas import LocationFigures

# Seconds for which the figures are cached, for several Prometheus servers, or frequent reloads.
KEEP_SECONDS = 5.0
# Seconds after which an unclaimed check is late: checks are normally claimed ahead of time.
LATE_SECONDS = 1

_FIGURES = text("""
    SELECT
        (SELECT jsonb_object_agg(state, count) FROM (
            SELECT state, count(*) FROM states GROUP BY state) s) AS monitors,
        (SELECT count(*) FROM schedule WHERE lease IS NOT NULL) AS leases,
        (SELECT count(*) FROM schedule
            WHERE claimable_at <= now() AND lease IS NOT NULL) AS expired,
        (SELECT count(*) FROM schedule
            WHERE claimable_at <= now() - make_interval(secs => :late)) AS overdue,
        (SELECT coalesce(extract(epoch FROM now() - min(claimable_at)), 0) FROM schedule
            WHERE claimable_at <= now() - make_interval(secs => :late)) AS lateness,
        (SELECT count(*) FROM notifications WHERE state = 'pending') AS pending,
        (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM notifications
            WHERE state = 'pending') AS age,
        (SELECT count(*) FROM notifications WHERE state = 'dead') AS dead,
        (SELECT count(*) FROM incidents WHERE closed_at IS NULL) AS incidents
""")

# Up to a limit: series for each of 50,000 monitors would cost Prometheus more than they are worth.
_MONITORS = text("""
    SELECT m.id, m.name, m.kind, s.state, s.latency_ms
    FROM monitors m JOIN states s ON s.monitor_id = m.id
    ORDER BY m.id
    LIMIT :limit
""")


class Figures:
    """The figures of `database`, queried at most once every few seconds, and never concurrently.

    `limit`: how many monitors have their own series.
    """

    def __init__(self, database: Database, *, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._registry = CollectorRegistry()

    async def registry(self) -> CollectorRegistry:
        """Return the figures; if the database does not answer, only that fact."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= KEEP_SECONDS:
                self._registry = await self._ask()
                self._asked_at = time.monotonic()
            return self._registry

    async def _ask(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        up = Gauge(
            "stagewatch_database_up", "Whether PostgreSQL currently answers.", registry=registry
        )
        try:
            async with self._database.transaction() as session:
                figures = (await session.execute(_FIGURES, {"late": LATE_SECONDS})).one()
                late = await overdue(session)
                locations = await by_location(session)
                monitors = (await session.execute(_MONITORS, {"limit": self._limit})).all()
        except DatabaseUnavailable:
            up.set(0)
            return registry
        up.set(1)
        _add_figures(registry, figures, late)
        _add_locations(registry, locations)
        _add_monitors(registry, monitors)
        return registry


def _add_figures(registry: CollectorRegistry, figures: Any, late: int) -> None:
    states = Gauge("stagewatch_monitors", "Monitors by state.", ["state"], registry=registry)
    for state in ("pending", "up", "down", "maintenance", "paused"):
        states.labels(state).set(0)
    for state, count in (figures.monitors or {}).items():
        states.labels(state).set(count)
    for name, value, documentation in (
        ("leases", figures.leases, "Checks that a worker has claimed."),
        ("leases_expired", figures.expired, "Expired claims without a result, not yet retaken."),
        ("checks_overdue", figures.overdue, "Due checks that no worker has begun."),
        ("schedule_lateness_seconds", figures.lateness, "How long the oldest of these has waited."),
        ("monitors_overdue", late, "Monitors whose result is late."),
        ("notifications_pending", figures.pending, "Notifications waiting to be sent."),
        ("notifications_oldest_seconds", figures.age, "Age of the oldest of these."),
        ("notifications_dead", figures.dead, "Notifications that were given up."),
        ("incidents_open", figures.incidents, "Ongoing outages."),
    ):
        Gauge(f"stagewatch_{name}", documentation, registry=registry).set(float(value))


def _add_locations(registry: CollectorRegistry, locations: Sequence[LocationFigures]) -> None:
    for suffix, field, documentation in (
        ("", "monitors", "Monitors to be checked from a location."),
        ("_failing", "failing", "Monitors that are down as seen from a location."),
        ("_overdue", "overdue", "Monitors whose result from a location is late."),
    ):
        name = f"stagewatch_location_monitors{suffix}"
        gauge = Gauge(name, documentation, ["location"], registry=registry)
        for location in locations:
            gauge.labels(location.name).set(getattr(location, field))


def _add_monitors(registry: CollectorRegistry, monitors: Sequence[Any]) -> None:
    info = Gauge(
        "stagewatch_monitor_info",
        "Always 1; maps a monitor's id to its name and kind.",
        ["monitor_id", "name", "kind"],
        registry=registry,
    )
    up = Gauge(
        "stagewatch_monitor_up",
        "1 up, 0 down; absent while it is pending, paused or in maintenance.",
        ["monitor_id"],
        registry=registry,
    )
    maintenance = Gauge(
        "stagewatch_monitor_in_maintenance",
        "Always 1; absent while it is not in maintenance.",
        ["monitor_id"],
        registry=registry,
    )
    latency = Gauge(
        "stagewatch_monitor_latency_seconds",
        "How long its last check took.",
        ["monitor_id"],
        registry=registry,
    )
    for monitor in monitors:
        info.labels(monitor.id, monitor.name, monitor.kind).set(1)
        if monitor.state in ("up", "down"):
            up.labels(monitor.id).set(monitor.state == "up")
        if monitor.state == "maintenance":
            maintenance.labels(monitor.id).set(1)
        if monitor.latency_ms is not None:
            latency.labels(monitor.id).set(monitor.latency_ms / 1000)
