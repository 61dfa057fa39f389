"""Stores a notification in the transaction of the change that it reports; it is sent later."""

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import request_id
from app.channels.models import Channel
from app.errors import ConflictError, NotFoundError
from app.notifications.models import Notification
from app.notifications.schemas import Told

MAX_ID = 2**63 - 1
# An incident has one notification per channel and event; a hundred channels are more than a page
# shows.
LONGEST_LIST = 200

# For every channel, or for those that the monitor lists. The payload is built now, so that
# retries report the same facts.
#
# The channels are locked before anything refers to them: if one is just being deleted, this waits
# and then leaves it out. Otherwise a foreign key would reject the whole batch of results.
_ENQUEUE = text("""
    WITH told AS MATERIALIZED (
        SELECT c.id AS channel_id, i.id AS incident_id
        FROM incidents i
        JOIN monitors m ON m.id = i.monitor_id
        JOIN channels c ON m.all_channels OR EXISTS (
            SELECT FROM monitor_channels mc WHERE mc.monitor_id = m.id AND mc.channel_id = c.id)
        WHERE i.id = ANY(CAST(:incidents AS int[]))
        ORDER BY c.id
        FOR KEY SHARE OF c
    )
    INSERT INTO notifications (channel_id, monitor_id, incident_id, event, request_id, payload)
    SELECT told.channel_id, m.id, i.id, :event,
        coalesce(CAST(:by_monitor AS jsonb) ->> m.id::text, :request_id), jsonb_build_object(
        'event', CAST(:event AS text),
        'monitor', jsonb_build_object('id', m.id, 'name', m.name, 'kind', m.kind),
        'incident', jsonb_build_object(
            'id', i.id, 'cause', i.cause,
            'opened_at', to_jsonb(i.opened_at), 'closed_at', to_jsonb(i.closed_at)))
    FROM told
    JOIN incidents i ON i.id = told.incident_id
    JOIN monitors m ON m.id = i.monitor_id
    ORDER BY i.id, told.channel_id
    ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
""")

_HOLD = text("""
    SELECT id FROM channels
    WHERE id IN (
        SELECT channel_id FROM notifications WHERE monitor_id = ANY(CAST(:monitors AS int[])))
    ORDER BY id
    FOR NO KEY UPDATE
""")

_WITHDRAW = text("""
    DELETE FROM notifications WHERE monitor_id = ANY(CAST(:monitors AS int[]))
""")

# Listeners receive it only once the transaction is committed.
_NOTIFY = text("SELECT pg_notify('notifications', '')")


class NotificationNotFoundError(NotFoundError):
    """There is no notification with this id."""


async def enqueue(session: AsyncSession, event: str, incidents: Sequence[int]) -> int:
    """Store notifications of `event` for these incidents' channels; return how many."""
    if not incidents:
        return 0
    values = {
        "event": event,
        "incidents": list(incidents),
        "by_monitor": json.dumps(dict(request_id.by_monitor.get())),
        "request_id": request_id.current.get(),
    }
    done = await session.execute(_ENQUEUE, values)
    count = int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it
    if count:
        await session.execute(_NOTIFY)
    return count


async def enqueue_test(session: AsyncSession, channel_id: int) -> Notification:
    """Store a test notification for a channel."""
    notification = Notification(channel_id=channel_id, event="test", payload={"event": "test"})
    session.add(notification)
    await session.flush()
    await session.refresh(notification)
    await session.execute(_NOTIFY)
    return notification


async def find(session: AsyncSession, notification_id: int, *, lock: bool = False) -> Notification:
    """Return a notification; with `lock`, no other transaction can change it.

    Raises NotificationNotFoundError.
    """
    notification = None
    if 0 < notification_id <= MAX_ID:
        notification = await session.get(Notification, notification_id, with_for_update=lock)
    if notification is None:
        raise NotificationNotFoundError(f"There is no notification {notification_id}.")
    return notification


async def told(session: AsyncSession, incident_id: int) -> list[Told]:
    """Return the notifications of an incident and their outcomes, oldest first."""
    query = (
        select(
            Notification.id,
            Channel.name.label("channel_name"),
            Notification.event,
            Notification.state,
            Notification.attempts,
            Notification.sent_at,
            Notification.last_error.label("error"),
            Notification.answer,
        )
        .join(Channel, Channel.id == Notification.channel_id)
        .where(Notification.incident_id == incident_id)
        .order_by(Notification.id)
        .limit(LONGEST_LIST)
    )
    return [Told.model_validate(row) for row in await session.execute(query)]


async def withdraw(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    """Delete the notifications of monitors that are being deleted.

    Their channels are locked first and in order, as they are where the outcomes of attempts are
    stored, so there are no deadlocks.
    """
    for statement in (_HOLD, _WITHDRAW):
        await session.execute(statement, {"monitors": list(monitor_ids)})


async def replay(session: AsyncSession, notification_id: int) -> Notification:
    """Queue a dead notification again, with a new set of attempts.

    It must still be the latest one of its monitor for the channel: "is down" must not come after
    "is up again". Raises NotificationNotFoundError and ConflictError.
    """
    notification = await find(session, notification_id, lock=True)
    if notification.state != "dead":
        raise ConflictError(f"It is {notification.state}; only a dead one can be sent again.")
    later = await session.scalar(
        select(func.max(Notification.id)).where(
            Notification.monitor_id == notification.monitor_id,
            Notification.channel_id == notification.channel_id,
            Notification.id > notification.id,
        )
    )
    if later is not None:
        raise ConflictError(
            f"It has been superseded: notification {later} has more recent news of the same "
            "monitor for this channel."
        )
    notification.state = "pending"
    notification.attempts = 0
    notification.next_attempt_at = func.now()
    notification.give_up_at = func.now() + timedelta(hours=24)
    await session.flush()
    await session.refresh(notification)
    await session.execute(_NOTIFY)
    return notification
