"""Plan, read, change and delete maintenance windows."""

from collections.abc import AsyncIterator
from datetime import timedelta

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.access import requires
from app.api.dependencies import Session
from app.api.etags import IfMatch, etag
from app.api.freshness import changes_status
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented
from app.checks.switching import Switching
from app.maintenance import service
from app.maintenance.models import MaintenanceWindow
from app.maintenance.schemas import NowIn, WindowIn, WindowOut
from app.monitors.service import find as find_monitor

# Seconds that a client waits until its change is applied to all monitors. There may be thousands;
# the rest are switched after the response.
SWITCH_SECONDS = 2.0


async def _switch_after_a_change(request: Request) -> AsyncIterator[None]:
    yield
    if request.method not in {"GET", "HEAD"}:
        switching: Switching = request.app.state.switching
        await switching.begin(SWITCH_SECONDS)


# They end in reverse order: first the transaction, then the switch, then the summary is dropped.
router = APIRouter(
    tags=["maintenance"],
    dependencies=[
        requires("read", changing="write"),
        changes_status(),
        Depends(_switch_after_a_change, scope="function"),
    ],
    responses=documented(429, 503),
)


@router.get("/api/maintenance", responses=documented(422))
async def list_windows(session: Session, page: PageDep) -> Page[WindowOut]:
    """List all windows, newest first; one-time windows are deleted 90 days after they end."""
    rows, following = await paginate(
        session,
        select(MaintenanceWindow),
        page,
        name="maintenance",
        key=MaintenanceWindow.id,
        newest_first=True,
    )
    windows = [window for window, _ in rows]
    return Page(items=await service.shown(session, windows), next=following)


@router.post("/api/maintenance", status_code=201, responses=documented(413, 422))
async def create_window(config: WindowIn, session: Session, response: Response) -> WindowOut:
    """Plan a window. While it lasts, checks go on, but no incident opens and nobody is notified."""
    window = await service.create(session, config)
    response.headers["Location"] = f"/api/maintenance/{window.id}"
    return await _out(session, response, window)


@router.get("/api/maintenance/{window_id}", responses=documented(404))
async def read_window(window_id: int, session: Session, response: Response) -> WindowOut:
    """Return one window."""
    return await _out(session, response, await service.find(session, window_id))


@router.put("/api/maintenance/{window_id}", responses=documented(404, 412, 413, 422))
async def replace_window(
    window_id: int, config: WindowIn, session: Session, response: Response, expected: IfMatch
) -> WindowOut:
    """Replace a window's configuration; fields that are left out get their defaults.

    A window in progress continues for the monitors that it still applies to, and ends for all
    others at once.
    """
    window = await service.find(session, window_id, lock=True, expected_version=expected)
    await service.change(session, window, config)
    return await _out(session, response, window)


@router.delete("/api/maintenance/{window_id}", status_code=204, responses=documented(404, 412))
async def delete_window(window_id: int, session: Session, expected: IfMatch) -> None:
    """Delete a window. If it is in progress, it ends, and its monitors are checked at once."""
    await service.delete(session, window_id, expected_version=expected)


@router.post(
    "/api/monitors/{monitor_id}/maintenance", status_code=201, responses=documented(404, 422)
)
async def begin_now(
    monitor_id: int, session: Session, response: Response, asked: NowIn | None = None
) -> WindowOut:
    """Put one monitor into maintenance now, for an hour unless another duration is given."""
    monitor, _ = await find_monitor(session, monitor_id)
    length = timedelta(minutes=(asked or NowIn()).duration_minutes)
    window = await service.create_now(session, monitor_id, f"Work on {monitor.name}"[:200], length)
    response.headers["Location"] = f"/api/maintenance/{window.id}"
    return await _out(session, response, window)


async def _out(session: AsyncSession, response: Response, window: MaintenanceWindow) -> WindowOut:
    response.headers["ETag"] = etag(window.version)
    return (await service.shown(session, [window]))[0]
