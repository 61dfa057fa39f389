"""Monitors' targets, kept until the monitors change."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.claiming import Claim
from app.monitors.configuration import config_of
from app.monitors.models import Monitor
from app.monitors.schemas import MONITOR_IN, HeartbeatMonitorIn
from app.probing.targets import Target

log = logging.getLogger(__name__)

# Monitors to keep; a target takes about a kilobyte.
LIMIT = 100_000
# Seconds for which a change is recent enough to be logged. A starting worker reads all monitors,
# whenever they were changed.
NEW_SECONDS = 60


class TargetCache:
    """What to probe, by monitor and the monitor's version.

    Reading a configuration costs more than the rest of a check, and changes once in thousands.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Target]] = {}

    async def learn(self, session: AsyncSession, claims: Iterable[Claim]) -> None:
        """Read the configurations that are unknown or out of date."""
        missing = [
            claimed.monitor_id
            for claimed in claims
            if claimed.kind != "heartbeat" and self.get(claimed) is None
        ]
        if not missing:
            return
        if len(self._known) > LIMIT:
            self._known.clear()
        is_new = Monitor.updated_at > func.now() - timedelta(seconds=NEW_SECONDS)
        query = select(Monitor, is_new).where(Monitor.id.in_(missing))
        for monitor, new in await session.execute(query):
            if new and monitor.request_id is not None:
                log.info(
                    "monitor %d is checked with its new configuration",
                    monitor.id,
                    extra={"monitor_id": monitor.id, "request_id": monitor.request_id},
                )
            try:
                config = MONITOR_IN.validate_python(config_of(monitor))
            except ValidationError:
                # One written by another version of the program must not stop all others.
                log.exception("the configuration of monitor %d can't be read", monitor.id)
                continue
            if not isinstance(config, HeartbeatMonitorIn):
                self._known[monitor.id] = (monitor.version, config.target())

    def get(self, claim: Claim) -> Target | None:
        """Return the target of a claimed check, or None if there is none that can be probed."""
        version, target = self._known.get(claim.monitor_id, (0, None))
        return target if version == claim.version else None
