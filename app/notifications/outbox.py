"""What must be told is written down with the change that it tells of, and sent later."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.models import Notification

# To every channel, or to those that the monitor names. The payload is made now: what is told is
# how it was, however often it has to be sent.
_ENQUEUE = text("""
    INSERT INTO notifications (channel_id, incident_id, event, payload)
    SELECT c.id, i.id, :event, jsonb_build_object(
        'event', CAST(:event AS text),
        'monitor', jsonb_build_object('id', m.id, 'name', m.name, 'kind', m.kind),
        'incident', jsonb_build_object(
            'id', i.id, 'cause', i.cause,
            'opened_at', to_jsonb(i.opened_at), 'closed_at', to_jsonb(i.closed_at)))
    FROM incidents i
    JOIN monitors m ON m.id = i.monitor_id
    JOIN channels c ON m.channel_ids IS NULL OR c.id = ANY(m.channel_ids)
    WHERE i.id = ANY(CAST(:incidents AS int[]))
    ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
""")


async def enqueue(session: AsyncSession, event: str, incidents: Sequence[int]) -> int:
    """Have `event` of these incidents told to their channels: how many notifications that is."""
    if not incidents:
        return 0
    done = await session.execute(_ENQUEUE, {"event": event, "incidents": list(incidents)})
    return int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it


async def enqueue_test(session: AsyncSession, channel_id: int) -> Notification:
    """Have a channel told that this is a test."""
    notification = Notification(channel_id=channel_id, event="test", payload={"event": "test"})
    session.add(notification)
    await session.flush()
    await session.refresh(notification)
    return notification
