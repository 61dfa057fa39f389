"""Make a check now, and read the stored ones."""

from datetime import UTC, datetime

from fastapi import APIRouter
from sqlalchemy import select

from app.checks.models import Check
from app.checks.recording import Finished, record
from app.checks.schemas import CheckOut, check_out, result_out
from app.checks.uptime import Uptime, uptimes
from app.database import DatabaseDep, Session
from app.monitors.schemas import MONITOR_IN, HeartbeatMonitorIn, config_of
from app.monitors.store import find
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.probing.routes import ProberDep
from app.problems import Problem, documented
from app.status.freshness import changes_status

router = APIRouter(
    prefix="/api/monitors/{monitor_id}",
    tags=["checks"],
    dependencies=[changes_status()],
    responses=documented(404, 429, 503),
)


@router.post("/check", responses=documented(409))
async def check_now(monitor_id: int, database: DatabaseDep, prober: ProberDep) -> CheckOut:
    """Check a monitor at once, whenever its next check is due, and store the result."""
    async with database.transaction() as session:
        monitor, _ = await find(session, monitor_id)
    # No connection is held while the target takes its time: a few slow ones would use up
    # the pool and stop everybody.
    started = datetime.now(UTC)
    config = MONITOR_IN.validate_python(config_of(monitor))
    if isinstance(config, HeartbeatMonitorIn):
        raise Problem(409, "A heartbeat can't be checked: it is the watched job that calls.")
    result = await prober.probe(config.target(), monitor.timeout_seconds)
    done = Finished(monitor_id, started, datetime.now(UTC), result)
    async with database.transaction() as session:
        await record(session, [done])
    return result_out(result, done.checked_at)


@router.get("/uptime")
async def uptime(monitor_id: int, session: Session) -> dict[str, Uptime]:
    """Uptime and latencies over 24h, 7d, 30d and 90d, by those names."""
    await find(session, monitor_id)
    return await uptimes(session, monitor_id)


@router.get("/checks", responses=documented(422))
async def list_checks(
    monitor_id: int, session: Session, limit: Limit = 100, cursor: Cursor = None
) -> Page[CheckOut]:
    """A monitor's checks, newest first."""
    await find(session, monitor_id)
    query = select(Check).where(Check.monitor_id == monitor_id)
    if cursor is not None:
        try:
            before = datetime.fromisoformat(str(from_cursor(cursor)))
            query = query.where(Check.scheduled_at < before.astimezone(UTC))
        except ValueError:
            raise bad_cursor() from None
    query = query.order_by(Check.scheduled_at.desc()).limit(limit + 1)
    checks = (await session.scalars(query)).all()
    items = [check_out(check) for check in checks[:limit]]
    more = len(checks) > limit
    return Page(
        items=items,
        next=to_cursor(checks[limit - 1].scheduled_at.isoformat()) if more else None,
    )
