"""Read notifications and their outcomes, and send dead ones again."""

from fastapi import APIRouter
from sqlalchemy import select

from app.api.access import requires
from app.api.dependencies import Session
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented
from app.notifications import outbox
from app.notifications.models import Notification
from app.notifications.schemas import NotificationOut, NotificationState

router = APIRouter(
    prefix="/api/notifications",
    tags=["notifications"],
    dependencies=[requires("read", changing="write")],
    responses=documented(429, 503),
)


@router.get("", responses=documented(422))
async def list_notifications(
    session: Session, page: PageDep, state: NotificationState | None = None
) -> Page[NotificationOut]:
    """List notifications, newest first."""
    query = select(Notification)
    if state is not None:
        query = query.where(Notification.state == state)
    rows, following = await paginate(
        session,
        query,
        page,
        name="notifications",
        key=Notification.id,
        newest_first=True,
        filters={"state": state},
    )
    items = [NotificationOut.model_validate(notification) for notification, _ in rows]
    return Page(items=items, next=following)


@router.get("/{notification_id}", responses=documented(404))
async def read_notification(notification_id: int, session: Session) -> NotificationOut:
    """Return one notification, with its outcome and its channel's response."""
    return NotificationOut.model_validate(await outbox.find(session, notification_id))


@router.post("/{notification_id}/replay", responses=documented(404, 409))
async def replay_notification(notification_id: int, session: Session) -> NotificationOut:
    """Send a dead notification again, with a new set of attempts.

    Refused if the same channel has a more recent notification about the same monitor.
    """
    return NotificationOut.model_validate(await outbox.replay(session, notification_id))
