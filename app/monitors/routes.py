"""Add, read, change, pause and delete monitors."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import AfterValidator, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.access import requires
from app.api.dependencies import Session
from app.api.etags import IfMatch, etag
from app.api.freshness import changes_status
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented, invalid_fields
from app.channels.subscriptions import channel_ids
from app.fields import Text
from app.locations.figures import seen_from
from app.monitors import many, service
from app.monitors.models import Monitor, State
from app.monitors.output import ActionOut, MonitorOut, MonitorsOut, monitor_out
from app.monitors.schemas import BULK_EXAMPLES, EXAMPLES, KINDS, ActionIn, MonitorIn, MonitorsIn
from app.monitors.search import Search, matching

router = APIRouter(
    prefix="/api/monitors",
    tags=["monitors"],
    dependencies=[requires("read", changing="write"), changes_status()],
    responses=documented(429, 503),
)


Config = Annotated[MonitorIn, Body(openapi_examples=EXAMPLES)]
Bulk = Annotated[MonitorsIn, Body(openapi_examples=BULK_EXAMPLES)]
Changes = Annotated[dict[str, Any], Body(examples=[{"interval_seconds": 15}])]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"it must be one of {', '.join(sorted(KINDS))}")
    return kind


Kind = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*sorted(KINDS)]})]
Tag = Annotated[Text, Field(min_length=1, max_length=50)]


def _search(
    q: Annotated[
        Text | None, Query(min_length=1, max_length=200, description="Part of the name or target.")
    ] = None,
    tag: Annotated[
        list[Tag] | None, Query(max_length=20, description="If repeated: all must match.")
    ] = None,
    group: Annotated[Text | None, Query(max_length=100, description="If empty: no group.")] = None,
    state: Literal["pending", "up", "down", "maintenance", "paused"] | None = None,
    kind: Annotated[Kind | None, Query()] = None,
) -> Search:
    return Search(q, tuple(tag or ()), group, state, kind)


SearchDep = Annotated[Search, Depends(_search)]


@router.get("", responses=documented(422))
async def list_monitors(session: Session, page: PageDep, search: SearchDep) -> Page[MonitorOut]:
    """List the monitors that match, oldest first; without filters, all of them."""
    query = matching(select(Monitor, State).join(State, State.monitor_id == Monitor.id), search)
    rows, following = await paginate(
        session, query, page, name="monitors", key=Monitor.id, filters=asdict(search)
    )
    items = await _shown(session, [(monitor, state) for monitor, state, _ in rows])
    return Page(items=items, next=following)


@router.post("", status_code=201, responses=documented(413, 422))
async def create_monitor(config: Config, session: Session, response: Response) -> MonitorOut:
    """Add a monitor. It is pending until its first check."""
    monitor, state = await service.create(session, config)
    response.headers["Location"] = f"/api/monitors/{monitor.id}"
    return await _out(session, response, monitor, state)


@router.post("/bulk", status_code=201, responses=documented(413, 422))
async def create_monitors(bulk: Bulk, session: Session) -> MonitorsOut:
    """Add up to 1,000 monitors, all or none. An error says which monitor it is about."""
    created = await many.create(session, bulk.monitors)
    return MonitorsOut(items=await _shown(session, created))


@router.post("/actions", responses=documented(413, 422))
async def act_on_monitors(asked: ActionIn, session: Session) -> ActionOut:
    """Pause, resume, delete or tag up to 1,000 monitors at once; if that fails, none is changed."""
    found = await many.lock(session, asked.ids)
    match asked.action:
        case "pause":
            changed = await many.pause(session, found)
        case "resume":
            changed = await many.resume(session, found)
        case "delete":
            changed = await many.delete(session, found)
        case _:
            changed = await many.tag(session, found, asked.add_tags, asked.remove_tags)
    missing = set(asked.ids) - {monitor.id for monitor, _ in found}
    return ActionOut(changed=changed, missing=sorted(missing))


@router.get("/{monitor_id}", responses=documented(404))
async def read_monitor(monitor_id: int, session: Session, response: Response) -> MonitorOut:
    """Return one monitor. Its ETag is the version of its configuration."""
    return await _out(session, response, *await service.find(session, monitor_id))


@router.put("/{monitor_id}", responses=documented(404, 412, 413, 422))
async def replace_monitor(
    monitor_id: int, config: Config, session: Session, version: IfMatch, response: Response
) -> MonitorOut:
    """Replace a monitor's configuration; fields that are left out get their defaults."""
    changed = await service.change(session, monitor_id, config, expected_version=version)
    return await _out(session, response, *changed)


@router.patch("/{monitor_id}", responses=documented(404, 412, 413, 422))
async def change_monitor(
    monitor_id: int,
    changes: Changes,
    session: Session,
    version: IfMatch,
    response: Response,
) -> MonitorOut:
    """Change the given fields of a monitor's configuration, and leave the rest as it is."""
    try:
        changed = await service.patch(session, monitor_id, changes, expected_version=version)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None
    return await _out(session, response, *changed)


@router.delete("/{monitor_id}", status_code=204, responses=documented(404, 412))
async def delete_monitor(monitor_id: int, session: Session, version: IfMatch) -> None:
    """Delete a monitor and its data."""
    await service.delete(session, monitor_id, expected_version=version)


@router.post("/{monitor_id}/pause", responses=documented(404))
async def pause_monitor(monitor_id: int, session: Session, response: Response) -> MonitorOut:
    """Stop checking a monitor. Pausing it again changes nothing."""
    return await _out(session, response, *await service.pause(session, monitor_id))


@router.post("/{monitor_id}/resume", responses=documented(404))
async def resume_monitor(monitor_id: int, session: Session, response: Response) -> MonitorOut:
    """Resume checking a paused monitor. A monitor that is not paused stays as it is."""
    return await _out(session, response, *await service.resume(session, monitor_id))


async def _out(
    session: AsyncSession, response: Response, monitor: Monitor, state: State
) -> MonitorOut:
    response.headers["ETag"] = etag(monitor.version)
    [shown] = await _shown(session, [(monitor, state)])
    return shown


async def _shown(session: AsyncSession, found: Sequence[many.Found]) -> list[MonitorOut]:
    channels = await channel_ids(session, [monitor.id for monitor, _ in found])
    located = [monitor.id for monitor, _ in found if monitor.locations]
    seen = await seen_from(session, located)
    return [
        monitor_out(monitor, state, channels[monitor.id], seen.get(monitor.id, ()))
        for monitor, state in found
    ]
