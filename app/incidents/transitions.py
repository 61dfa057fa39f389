"""Open an incident when a monitor goes down, close it when it is up, and notify of both."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import request_id
from app.events.publishing import Event, publish
from app.incidents.public import public_reason
from app.incidents.schemas import IncidentOut
from app.notifications.outbox import enqueue
from app.subscriptions.broadcasts import announce

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StateChange:
    """A monitor's change to another state: when and, for a change to down, why."""

    monitor_id: int
    name: str
    state: str
    at: datetime
    cause: str | None


def log_changes(changes: Sequence[StateChange]) -> None:
    """Log state changes. Call this after the commit: until then they may be rolled back."""
    for change in changes:
        found = request_id.of(change.monitor_id)
        cause = {"request_id": found} if found else {}
        # Failures during maintenance are expected.
        quiet = change.state == "maintenance"
        log.info(
            "monitor %d is %s%s",
            change.monitor_id,
            "in maintenance" if quiet else change.state,
            f": {change.cause}" if change.cause and not quiet else "",
            extra={"monitor_id": change.monitor_id, "monitor_name": change.name} | cause,
        )


_RETURNING = """
    RETURNING i.id, i.monitor_id, i.opened_at, i.closed_at, i.cause, i.acknowledged_at,
        i.acknowledged_by, (SELECT m.name FROM monitors m WHERE m.id = i.monitor_id) AS monitor_name
"""

_OPEN = text(f"""
    INSERT INTO incidents AS i (monitor_id, opened_at, cause)
    SELECT * FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:at AS timestamptz[]), CAST(:cause AS text[]))
    ON CONFLICT (monitor_id) WHERE closed_at IS NULL DO NOTHING
    {_RETURNING}
""")  # noqa: S608  (a constant)

_CLOSE = text(f"""
    UPDATE incidents i
    SET closed_at = v.at
    FROM unnest(CAST(:monitor_id AS int[]), CAST(:at AS timestamptz[])) AS v (monitor_id, at)
    WHERE i.monitor_id = v.monitor_id AND i.closed_at IS NULL
    {_RETURNING}
""")  # noqa: S608  (a constant)

_CLOSE_SILENTLY = text(f"""
    UPDATE incidents i SET closed_at = now()
    WHERE i.monitor_id = ANY(CAST(:ids AS int[])) AND i.closed_at IS NULL
    {_RETURNING}
""")  # noqa: S608  (a constant)


async def open_incidents(session: AsyncSession, changes: Sequence[StateChange]) -> int:
    """Open incidents for monitors without one; return how many notifications will be sent."""
    if not changes:
        return 0
    values = {
        "monitor_id": [change.monitor_id for change in changes],
        "at": [change.at for change in changes],
        "cause": [change.cause or "unknown" for change in changes],
    }
    opened = await _changed(session, "opened", _OPEN, values)
    return await _tell(session, "incident.opened", opened)


async def close_incidents(session: AsyncSession, changes: Sequence[StateChange]) -> int:
    """Close the monitors' open incidents; return how many notifications will be sent."""
    if not changes:
        return 0
    values = {
        "monitor_id": [change.monitor_id for change in changes],
        "at": [change.at for change in changes],
    }
    closed = await _changed(session, "closed", _CLOSE, values)
    return await _tell(session, "incident.closed", closed)


async def close_silently(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Close open incidents because their monitors are paused, without notifying any channel."""
    await _changed(session, "closed", _CLOSE_SILENTLY, {"ids": list(monitor_ids)})


def incident_event(
    action: Literal["opened", "closed", "acknowledged"], incident: IncidentOut
) -> Event:
    """Return the event that is published for an incident."""
    return Event("incident", {"action": action} | incident.model_dump())


async def _tell(session: AsyncSession, event: str, incidents: Sequence[IncidentOut]) -> int:
    """Queue notifications for the team, and mail for subscribers, who see the public cause."""
    causes = {incident.id: public_reason(incident.cause) for incident in incidents}
    await announce(session, event, causes)
    return await enqueue(session, event, list(causes))


async def _changed(
    session: AsyncSession,
    action: Literal["opened", "closed"],
    statement: TextClause,
    values: dict[str, Any],
) -> list[IncidentOut]:
    """Publish the incidents that the statement returns; return them."""
    rows = (await session.execute(statement, values)).all()
    incidents = [IncidentOut.model_validate(row) for row in rows]
    await publish(session, [incident_event(action, incident) for incident in incidents])
    return incidents
