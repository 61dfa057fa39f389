"""A monitor's turn to down opens an incident, its turn to up closes it, and both are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.outbox import enqueue


@dataclass(frozen=True, slots=True)
class Turn:
    """A monitor has come into another state: when, and for a turn to down, why."""

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


async def open_incidents(session: AsyncSession, turns: Sequence[Turn]) -> int:
    """An incident for each of the monitors that has none open: how many will be told of it."""
    if not turns:
        return 0
    values = {
        "monitor_id": [turn.monitor_id for turn in turns],
        "at": [turn.at for turn in turns],
        "cause": [turn.cause or "unknown" for turn in turns],
    }
    opened = await session.scalars(_OPEN, values)
    return await enqueue(session, "incident.opened", opened.all())


async def close_incidents(session: AsyncSession, turns: Sequence[Turn]) -> int:
    """Close the open incident of each of the monitors: how many will be told of it."""
    if not turns:
        return 0
    values = {
        "monitor_id": [turn.monitor_id for turn in turns],
        "at": [turn.at for turn in turns],
    }
    closed = await session.scalars(_CLOSE, values)
    return await enqueue(session, "incident.closed", closed.all())


async def close_silently(session: AsyncSession, monitor_id: int) -> None:
    """End an open incident because its monitor is paused: that is nobody's news."""
    await session.execute(
        text("UPDATE incidents SET closed_at = now() WHERE monitor_id = :id AND closed_at IS NULL"),
        {"id": monitor_id},
    )
