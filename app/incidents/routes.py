"""Routes to read and acknowledge incidents."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.access import IsPublic, requires
from app.api.dependencies import Session
from app.api.freshness import changes_status
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import Problem, documented
from app.checks.schemas import CheckOut, check_out
from app.checks.timeline import Phases, checks_around, phases
from app.events.publishing import publish
from app.fields import MAX_ID
from app.incidents.models import Incident
from app.incidents.public import public_incident
from app.incidents.schemas import Acknowledgement, IncidentOut, incident_out
from app.incidents.transitions import incident_event
from app.monitors.models import Monitor
from app.notifications.outbox import told
from app.notifications.schemas import Told


class TimelineOut(BaseModel):
    """The course of an outage, with at most 50 checks, oldest first."""

    incident: IncidentOut
    checks: list[CheckOut]
    phases: Phases
    notifications: list[Told]


router = APIRouter(
    prefix="/api/incidents",
    tags=["incidents"],
    dependencies=[changes_status()],
    responses=documented(429, 503),
)


@router.get("", dependencies=[requires("public")], responses=documented(422))
async def list_incidents(
    session: Session,
    page: PageDep,
    is_public: IsPublic,
    state: Literal["open", "closed"] | None = None,
    monitor_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Page[IncidentOut]:
    """List incidents, newest first. Without a key, causes are only summarized."""
    query = select(Incident, Monitor.name).join(Monitor, Monitor.id == Incident.monitor_id)
    if state is not None:
        is_open = Incident.closed_at.is_(None)
        query = query.where(is_open if state == "open" else ~is_open)
    if monitor_id is not None:
        query = query.where(Incident.monitor_id == monitor_id)
    rows, following = await paginate(
        session,
        query,
        page,
        name="incidents",
        key=Incident.id,
        newest_first=True,
        filters={"state": state, "monitor_id": monitor_id},
    )
    items = [incident_out(incident, name) for incident, name, _ in rows]
    if is_public:
        items = [public_incident(incident) for incident in items]
    return Page(items=items, next=following)


@router.get("/{incident_id}", dependencies=[requires("read")], responses=documented(404))
async def read_incident(incident_id: int, session: Session) -> IncidentOut:
    """Return one incident."""
    return incident_out(*await _find(session, incident_id))


@router.get("/{incident_id}/timeline", dependencies=[requires("read")], responses=documented(404))
async def read_timeline(incident_id: int, session: Session) -> TimelineOut:
    """Return an outage's course: checks before, during and after it, phases and notifications."""
    incident, name = await _find(session, incident_id)
    return TimelineOut(
        incident=incident_out(incident, name),
        checks=[check_out(check) for check in await checks_around(session, incident)],
        phases=await phases(session, incident),
        notifications=await told(session, incident_id),
    )


@router.post(
    "/{incident_id}/acknowledge",
    dependencies=[requires("write")],
    responses=documented(404, 422),
)
async def acknowledge_incident(
    incident_id: int, session: Session, acknowledgement: Acknowledgement | None = None
) -> IncidentOut:
    """Acknowledge an incident. The first acknowledgement is kept; repeating changes nothing."""
    incident, name = await _find(session, incident_id, lock=True)
    if incident.acknowledged_at is None:
        incident.acknowledged_at = func.now()
        incident.acknowledged_by = acknowledgement.by if acknowledgement else None
        await session.flush()
        await session.refresh(incident)
        event = incident_event("acknowledged", incident_out(incident, name))
        await publish(session, [event])
    return incident_out(incident, name)


async def _find(
    session: AsyncSession, incident_id: int, *, lock: bool = False
) -> tuple[Incident, str]:
    """Return an incident and the name of its monitor."""
    row = None
    if 0 < incident_id <= MAX_ID:
        query = (
            select(Incident, Monitor.name)
            .join(Monitor, Monitor.id == Incident.monitor_id)
            .where(Incident.id == incident_id)
        )
        if lock:
            query = query.with_for_update(of=Incident)
        row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Problem(404, f"There is no incident {incident_id}.")
    incident, name = row
    return incident, name
