"""Monitors' targets, kept as long as nobody changes them."""

import logging
from collections.abc import Iterable

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.monitors.models import Monitor
from app.monitors.schemas import MONITOR_IN, HeartbeatMonitorIn, config_of
from app.probing.prober import Target
from worker.claiming import Claim

log = logging.getLogger(__name__)

# Monitors to keep; a target has about a kilobyte.
LIMIT = 100_000


class Targets:
    """What to probe for each monitor, by the monitor's version.

    To read a configuration costs more than the rest of a check, and it changes once in thousands.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Target]] = {}

    async def learn(self, session: AsyncSession, claims: Iterable[Claim]) -> None:
        """Read the configurations that are not known yet, or not any more."""
        missing = [
            each.monitor_id
            for each in claims
            if each.kind != "heartbeat" and self.get(each) is None
        ]
        if not missing:
            return
        if len(self._known) > LIMIT:
            self._known.clear()
        for monitor in await session.scalars(select(Monitor).where(Monitor.id.in_(missing))):
            try:
                config = MONITOR_IN.validate_python(config_of(monitor))
            except ValidationError:
                # One that another version of the program wrote must not stop all others.
                log.exception("the configuration of monitor %d can't be read", monitor.id)
                continue
            if not isinstance(config, HeartbeatMonitorIn):
                self._known[monitor.id] = (monitor.version, config.target())

    def get(self, claim: Claim) -> Target | None:
        """The target of a claimed check; None where there is none that can be probed."""
        version, target = self._known.get(claim.monitor_id, (0, None))
        return target if version == claim.version else None
