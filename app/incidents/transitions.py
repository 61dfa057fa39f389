"""Open an incident when a monitor goes down, close it when it is up, and notify of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.outbox import enqueue


@dataclass(frozen=True, slots=True)
class StateChange:
    """A monitor's change to another state: when and, for a change to down, why."""

    monitor_id: int
    name: str
    state: str
    at: datetime
    cause: str | None


_OPEN = text("""
    INSERT INTO incidents (monitor_id, opened_at, cause)
    SELECT * FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:at AS timestamptz[]), CAST(:cause AS text[]))
    ON CONFLICT (monitor_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id
""")

_CLOSE = text("""
    UPDATE incidents i
    SET closed_at = v.at
    FROM unnest(CAST(:monitor_id AS int[]), CAST(:at AS timestamptz[])) AS v (monitor_id, at)
    WHERE i.monitor_id = v.monitor_id AND i.closed_at IS NULL
    RETURNING i.id
""")


async def open_incidents(session: AsyncSession, changes: Sequence[StateChange]) -> int:
    """Open incidents for monitors without one; return how many notifications will be sent."""
    if not changes:
        return 0
    values = {
        "monitor_id": [change.monitor_id for change in changes],
        "at": [change.at for change in changes],
        "cause": [change.cause or "unknown" for change in changes],
    }
    opened = await session.scalars(_OPEN, values)
    return await enqueue(session, "incident.opened", opened.all())


async def close_incidents(session: AsyncSession, changes: Sequence[StateChange]) -> int:
    """Close the monitors' open incidents; return how many notifications will be sent."""
    if not changes:
        return 0
    values = {
        "monitor_id": [change.monitor_id for change in changes],
        "at": [change.at for change in changes],
    }
    closed = await session.scalars(_CLOSE, values)
    return await enqueue(session, "incident.closed", closed.all())


async def close_silently(session: AsyncSession, monitor_id: int) -> None:
    """Close an open incident because its monitor is paused, without notifying any channel."""
    await session.execute(
        text("UPDATE incidents SET closed_at = now() WHERE monitor_id = :id AND closed_at IS NULL"),
        {"id": monitor_id},
    )
