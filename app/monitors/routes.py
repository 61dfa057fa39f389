"""Add, read, change, pause and delete monitors."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import ValidationError
from sqlalchemy import ColumnElement, delete, func, select

from app.checks.models import Hour
from app.database import Session
from app.incidents.turns import close_silently
from app.monitors.models import Monitor, State
from app.monitors.schemas import (
    EXAMPLES,
    MONITOR_IN,
    MonitorIn,
    MonitorOut,
    apply_config,
    config_of,
    monitor_out,
)
from app.monitors.store import find
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.problems import FieldError, Problem, documented, invalid
from app.status.freshness import changes_status

router = APIRouter(
    prefix="/api/monitors",
    tags=["monitors"],
    dependencies=[changes_status()],
    responses=documented(429, 503),
)


Config = Annotated[MonitorIn, Body(openapi_examples=EXAMPLES)]
Changes = Annotated[dict[str, Any], Body(examples=[{"interval_seconds": 15}])]


# When a paused monitor may be claimed.
NEVER = datetime.max.replace(tzinfo=UTC)


@router.get("", responses=documented(422))
async def list_monitors(
    session: Session, limit: Limit = 100, cursor: Cursor = None
) -> Page[MonitorOut]:
    """All monitors, oldest first."""
    after = 0 if cursor is None else from_cursor(cursor)
    if not isinstance(after, int):
        raise bad_cursor()
    query = (
        select(Monitor, State)
        .join(State, State.monitor_id == Monitor.id)
        .where(Monitor.id > after)
        .order_by(Monitor.id)
        .limit(limit + 1)
    )
    rows = (await session.execute(query)).all()
    items = [monitor_out(monitor, state) for monitor, state in rows[:limit]]
    return Page(items=items, next=to_cursor(items[-1].id) if len(rows) > limit else None)


@router.post("", status_code=201, responses=documented(413, 422))
async def create_monitor(config: Config, session: Session, response: Response) -> MonitorOut:
    """Add a monitor. It is pending until its first check."""
    monitor = Monitor()
    apply_config(monitor, config)
    if config.kind == "heartbeat":
        monitor.token = secrets.token_urlsafe(24)
    session.add(monitor)
    await session.flush()
    await session.refresh(monitor)
    state = State(monitor_id=monitor.id)
    _plan(monitor, state)
    session.add(state)
    await session.flush()
    await session.refresh(state)
    response.headers["Location"] = f"/api/monitors/{monitor.id}"
    return monitor_out(monitor, state)


@router.get("/{monitor_id}", responses=documented(404))
async def read_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """One monitor."""
    return monitor_out(*await find(session, monitor_id))


@router.put("/{monitor_id}", responses=documented(404, 413, 422))
async def replace_monitor(monitor_id: int, config: Config, session: Session) -> MonitorOut:
    """Give a monitor a new configuration; what is not named gets its default."""
    monitor, state = await find(session, monitor_id, lock=True)
    return await _change(session, monitor, state, config)


@router.patch("/{monitor_id}", responses=documented(404, 413, 422))
async def change_monitor(monitor_id: int, changes: Changes, session: Session) -> MonitorOut:
    """Change what is named of a monitor, and leave the rest as it is."""
    monitor, state = await find(session, monitor_id, lock=True)
    try:
        config = MONITOR_IN.validate_python(config_of(monitor) | changes)
    except ValidationError as error:
        raise invalid(error) from None
    return await _change(session, monitor, state, config)


@router.delete("/{monitor_id}", status_code=204, responses=documented(404))
async def delete_monitor(monitor_id: int, session: Session) -> None:
    """Delete a monitor and all that is known of it."""
    monitor, _ = await find(session, monitor_id, lock=True)
    await session.delete(monitor)
    # These have no foreign key. Its single checks go with their days.
    await session.execute(delete(Hour).where(Hour.monitor_id == monitor_id))


@router.post("/{monitor_id}/pause", responses=documented(404))
async def pause_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """Stop checking a monitor. Pausing it again changes nothing."""
    monitor, state = await find(session, monitor_id, lock=True)
    if state.state != "paused":
        _enter(state, "paused")
        state.claimable_at = NEVER
        state.lease = None
        await close_silently(session, monitor_id)
        await session.flush()
        await session.refresh(state)
    return monitor_out(monitor, state)


@router.post("/{monitor_id}/resume", responses=documented(404))
async def resume_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """Check a paused monitor again. One that is not paused stays as it is."""
    monitor, state = await find(session, monitor_id, lock=True)
    if state.state == "paused":
        _enter(state, "pending")
        _plan(monitor, state)
        await session.flush()
        await session.refresh(state)
    return monitor_out(monitor, state)


async def _change(
    session: Session, monitor: Monitor, state: State, config: MonitorIn
) -> MonitorOut:
    if config.kind != monitor.kind:
        detail = "a monitor keeps its kind; make a new one"
        raise Problem(422, f"kind: {detail}", errors=[FieldError(field="kind", detail=detail)])
    apply_config(monitor, config)
    monitor.version += 1
    monitor.updated_at = func.now()
    if state.state != "paused":
        _plan(monitor, state)
    await session.flush()
    await session.refresh(monitor)
    await session.refresh(state)
    return monitor_out(monitor, state)


def _plan(monitor: Monitor, state: State) -> None:
    """Have it checked at once, or a heartbeat expected from now on.

    A check that is under way was made for what the monitor was: its lease ends here.
    """
    due: ColumnElement[datetime] = func.now()
    if monitor.kind == "heartbeat":
        patience = timedelta(seconds=monitor.spec["period_seconds"] + monitor.spec["grace_seconds"])
        due = func.now() + patience
    state.due_at = state.claimable_at = due
    state.lease = None


def _enter(state: State, name: str) -> None:
    state.state = name
    state.failures = 0
    state.since = func.now()
