"""Add, read, change, pause and delete monitors."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError
from sqlalchemy import func, select

from app.database import Session
from app.monitors.models import Monitor, State
from app.monitors.schemas import (
    COMMON,
    MonitorIn,
    MonitorOut,
    config_of,
    monitor_out,
)
from app.monitors.store import find
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.problems import FieldError, Problem, documented, field_errors
from app.status.freshness import changes_status

router = APIRouter(
    prefix="/api/monitors",
    tags=["monitors"],
    dependencies=[changes_status()],
    responses=documented(429, 503),
)


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
async def create_monitor(config: MonitorIn, session: Session, response: Response) -> MonitorOut:
    """Add a monitor. It is pending until its first check."""
    monitor = Monitor()
    _apply(monitor, config)
    session.add(monitor)
    await session.flush()
    state = State(monitor_id=monitor.id)
    session.add(state)
    await session.flush()
    await session.refresh(monitor)
    await session.refresh(state)
    response.headers["Location"] = f"/api/monitors/{monitor.id}"
    return monitor_out(monitor, state)


@router.get("/{monitor_id}", responses=documented(404))
async def read_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """One monitor."""
    return monitor_out(*await find(session, monitor_id))


@router.put("/{monitor_id}", responses=documented(404, 413, 422))
async def replace_monitor(monitor_id: int, config: MonitorIn, session: Session) -> MonitorOut:
    """Give a monitor a new configuration; what is not named gets its default."""
    monitor, state = await find(session, monitor_id, lock=True)
    return await _change(session, monitor, state, config)


@router.patch("/{monitor_id}", responses=documented(404, 413, 422))
async def change_monitor(monitor_id: int, changes: dict[str, Any], session: Session) -> MonitorOut:
    """Change what is named of a monitor, and leave the rest as it is."""
    monitor, state = await find(session, monitor_id, lock=True)
    try:
        config = MonitorIn.model_validate(config_of(monitor) | changes)
    except ValidationError as error:
        errors = field_errors(error.errors())
        detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in errors)
        raise Problem(422, detail, errors=errors) from None
    return await _change(session, monitor, state, config)


@router.delete("/{monitor_id}", status_code=204, responses=documented(404))
async def delete_monitor(monitor_id: int, session: Session) -> None:
    """Delete a monitor and all that is known of it."""
    monitor, _ = await find(session, monitor_id, lock=True)
    await session.delete(monitor)


@router.post("/{monitor_id}/pause", responses=documented(404))
async def pause_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """Stop checking a monitor. Pausing it again changes nothing."""
    monitor, state = await find(session, monitor_id, lock=True)
    if state.state != "paused":
        await _enter(session, state, "paused")
    return monitor_out(monitor, state)


@router.post("/{monitor_id}/resume", responses=documented(404))
async def resume_monitor(monitor_id: int, session: Session) -> MonitorOut:
    """Check a paused monitor again. One that is not paused stays as it is."""
    monitor, state = await find(session, monitor_id, lock=True)
    if state.state == "paused":
        await _enter(session, state, "pending")
    return monitor_out(monitor, state)


async def _change(
    session: Session, monitor: Monitor, state: State, config: MonitorIn
) -> MonitorOut:
    if config.kind != monitor.kind:
        detail = "a monitor keeps its kind; make a new one"
        raise Problem(422, f"kind: {detail}", errors=[FieldError(field="kind", detail=detail)])
    _apply(monitor, config)
    monitor.version += 1
    monitor.updated_at = func.now()
    await session.flush()
    await session.refresh(monitor)
    return monitor_out(monitor, state)


def _apply(monitor: Monitor, config: MonitorIn) -> None:
    values = config.model_dump(mode="json")
    for name in COMMON:
        setattr(monitor, name, values.pop(name))
    monitor.spec = values


async def _enter(session: Session, state: State, name: str) -> None:
    state.state = name
    state.failures = 0
    state.since = func.now()
    await session.flush()
    await session.refresh(state)
