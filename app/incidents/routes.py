"""Read incidents, and acknowledge them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from app.database import Session
from app.incidents.models import Incident
from app.incidents.schemas import Acknowledgement, IncidentOut, incident_out
from app.monitors.models import Monitor
from app.monitors.store import MAX_ID
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.problems import Problem, documented
from app.status.freshness import changes_status

router = APIRouter(
    prefix="/api/incidents",
    tags=["incidents"],
    dependencies=[changes_status()],
    responses=documented(429, 503),
)


@router.get("", responses=documented(422))
async def list_incidents(
    session: Session,
    limit: Limit = 100,
    cursor: Cursor = None,
    state: Literal["open", "closed"] | None = None,
    monitor_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Page[IncidentOut]:
    """Incidents, newest first."""
    query = select(Incident, Monitor.name).join(Monitor, Monitor.id == Incident.monitor_id)
    if cursor is not None:
        before = from_cursor(cursor)
        if not isinstance(before, int):
            raise bad_cursor()
        query = query.where(Incident.id < before)
    if state is not None:
        is_open = Incident.closed_at.is_(None)
        query = query.where(is_open if state == "open" else ~is_open)
    if monitor_id is not None:
        query = query.where(Incident.monitor_id == monitor_id)
    rows = (await session.execute(query.order_by(Incident.id.desc()).limit(limit + 1))).all()
    items = [incident_out(incident, name) for incident, name in rows[:limit]]
    return Page(items=items, next=to_cursor(items[-1].id) if len(rows) > limit else None)


@router.post("/{incident_id}/acknowledge", responses=documented(404, 422))
async def acknowledge_incident(
    incident_id: int, session: Session, acknowledgement: Acknowledgement | None = None
) -> IncidentOut:
    """Say that a person has seen it. Who was first stays; to say it again changes nothing."""
    row = None
    if 0 < incident_id <= MAX_ID:
        query = (
            select(Incident, Monitor.name)
            .join(Monitor, Monitor.id == Incident.monitor_id)
            .where(Incident.id == incident_id)
            .with_for_update(of=Incident)
        )
        row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Problem(404, f"There is no incident {incident_id}.")
    incident, name = row
    if incident.acknowledged_at is None:
        incident.acknowledged_at = func.now()
        incident.acknowledged_by = acknowledgement.by if acknowledgement else None
        await session.flush()
        await session.refresh(incident)
    return incident_out(incident, name)
