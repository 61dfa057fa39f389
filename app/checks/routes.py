"""Routes to check a monitor now and to read its stored checks."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from app.api.access import IsPublic, requires
from app.api.conditional import CACHEABLE, conditional
from app.api.dependencies import DatabaseDep, ProberDep, Session
from app.api.freshness import changes_status
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented
from app.checks.latency import LatencySeries, latency_series
from app.checks.models import Check
from app.checks.schemas import CheckOut, check_out, result_out
from app.checks.uptime import Uptime, Window, uptimes
from app.incidents.public import public_reason
from app.monitors.checking import check_now
from app.monitors.service import find

router = APIRouter(
    prefix="/api/monitors/{monitor_id}",
    tags=["checks"],
    dependencies=[changes_status()],
    responses=documented(404, 429, 503),
)


@router.post("/check", dependencies=[requires("write")], responses=documented(409))
async def check_at_once(monitor_id: int, database: DatabaseDep, prober: ProberDep) -> CheckOut:
    """Check a monitor immediately, whenever its next check is due, and store the result."""
    completed = await check_now(database, prober, monitor_id)
    return result_out(completed.result, completed.checked_at)


@router.get("/uptime", dependencies=[requires("read")])
async def uptime(monitor_id: int, session: Session) -> dict[str, Uptime]:
    """Return uptime and latencies over 24h, 7d, 30d and 90d, keyed by those names."""
    await find(session, monitor_id)
    return await uptimes(session, monitor_id)


@router.get(
    "/latency",
    dependencies=[requires("public")],
    response_model=LatencySeries,
    responses=documented(422) | CACHEABLE,
)
async def latency(
    monitor_id: int,
    request: Request,
    session: Session,
    window: Annotated[Window, Query(alias="range")] = "24h",
) -> Response:
    """Return latencies per hour over 24h and 7d, or per UTC day over 30d and 90d."""
    await find(session, monitor_id)
    series = await latency_series(session, monitor_id, window)
    return conditional(
        request,
        series.model_dump_json().encode(),
        media_type="application/json",
        cache_control="public, max-age=5",
    )


@router.get("/checks", dependencies=[requires("public")], responses=documented(422))
async def list_checks(
    monitor_id: int, session: Session, page: PageDep, is_public: IsPublic
) -> Page[CheckOut]:
    """List a monitor's checks, newest first. Without a key, errors are only summarized."""
    await find(session, monitor_id)
    rows, following = await paginate(
        session,
        select(Check).where(Check.monitor_id == monitor_id),
        page,
        name="checks",
        key=Check.scheduled_at,
        newest_first=True,
        filters={"monitor_id": monitor_id},
    )
    items = [check_out(check) for check, _ in rows]
    if is_public:
        for item in items:
            item.error = item.error and public_reason(item.error)
    return Page(items=items, next=following)
