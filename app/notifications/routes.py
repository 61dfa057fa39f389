"""See what became of notifications, and send dead ones again."""

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import func, select

from app.database import Session
from app.notifications.models import Notification
from app.notifications.schemas import NotificationOut
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.problems import Problem, documented

router = APIRouter(
    prefix="/api/notifications", tags=["notifications"], responses=documented(429, 503)
)

MAX_ID = 2**63 - 1


@router.get("", responses=documented(422))
async def list_notifications(
    session: Session,
    limit: Limit = 100,
    cursor: Cursor = None,
    state: Literal["pending", "sent", "dead"] | None = None,
) -> Page[NotificationOut]:
    """Notifications, newest first."""
    query = select(Notification)
    if cursor is not None:
        before = from_cursor(cursor)
        if not isinstance(before, int):
            raise bad_cursor()
        query = query.where(Notification.id < before)
    if state is not None:
        query = query.where(Notification.state == state)
    query = query.order_by(Notification.id.desc()).limit(limit + 1)
    found = (await session.scalars(query)).all()
    items = [NotificationOut.model_validate(each) for each in found[:limit]]
    return Page(items=items, next=to_cursor(items[-1].id) if len(found) > limit else None)


@router.post("/{notification_id}/replay", responses=documented(404, 409))
async def replay_notification(notification_id: int, session: Session) -> NotificationOut:
    """Send a dead notification again, with all its attempts before it."""
    notification = None
    if 0 < notification_id <= MAX_ID:
        notification = await session.get(Notification, notification_id, with_for_update=True)
    if notification is None:
        raise Problem(404, f"There is no notification {notification_id}.")
    if notification.state != "dead":
        raise Problem(409, f"It is {notification.state}; only a dead one can be sent again.")
    notification.state = "pending"
    notification.attempts = 0
    notification.next_attempt_at = func.now()
    await session.flush()
    await session.refresh(notification)
    return NotificationOut.model_validate(notification)
