"""Checks a monitor immediately, independently of its schedule."""

import time
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import func, select

from app.checks.recording import CompletedCheck, record
from app.database import Database
from app.incidents.transitions import log_changes
from app.metrics.definitions import CHECKS
from app.monitors import service
from app.monitors.configuration import config_of
from app.monitors.errors import HeartbeatNotCheckedError, UnreadableMonitorError
from app.monitors.schemas import MONITOR_IN, HeartbeatMonitorIn
from app.probing.prober import Prober


async def check_now(database: Database, prober: Prober, monitor_id: int) -> CompletedCheck:
    """Probe a monitor's target and store the result.

    Raises MonitorNotFoundError, UnreadableMonitorError and HeartbeatNotCheckedError.
    """
    async with database.transaction() as session:
        monitor, _ = await service.find(session, monitor_id)
        # Times come from the database: this machine's clock may be wrong.
        begun_at: datetime = (await session.scalars(select(func.now()))).one()
    begun = time.perf_counter()
    try:
        config = MONITOR_IN.validate_python(config_of(monitor))
    except ValidationError:
        raise UnreadableMonitorError(monitor_id) from None
    if isinstance(config, HeartbeatMonitorIn):
        raise HeartbeatNotCheckedError
    # No connection is held while the target is probed: a few slow ones would use up the pool
    # and stop all other requests.
    result = await prober.probe(config.target(), monitor.timeout_seconds)
    ended_at = begun_at + timedelta(seconds=time.perf_counter() - begun)
    completed = CompletedCheck(
        monitor_id,
        begun_at,
        ended_at,
        result,
        version=monitor.version,
        # This process is not at any of its locations.
        decides=not monitor.locations,
    )
    async with database.transaction() as session:
        recorded = await record(session, [completed])
    log_changes(recorded.changes)
    CHECKS.labels(monitor.kind, "ok" if result.ok else "failed").inc()
    return completed
