"""/ping/TOKEN: a job says that it has run."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from app.checks.recording import Finished, record
from app.database import Session
from app.monitors.models import Monitor
from app.probing.result import Result, Timings
from app.problems import Problem, documented

router = APIRouter(tags=["heartbeats"])

HEARTBEAT = Result(ok=True, latency_ms=None, timings=Timings(), status_code=None, error=None)


class Pong(BaseModel):
    """It has been noted."""

    status: Literal["ok"] = "ok"


@router.get("/ping/{token}", responses=documented(404, 503), operation_id="ping_get")
@router.post("/ping/{token}", responses=documented(404, 503), operation_id="ping_post")
@router.head("/ping/{token}", include_in_schema=False)
async def ping(token: str, session: Session) -> Pong:
    """Note a heartbeat. Whatever the body holds is not read; paused monitors note it too."""
    # A token is a password: it is compared by an index, and never shown in an error.
    monitor_id = None
    if "\x00" not in token:
        monitor_id = await session.scalar(select(Monitor.id).where(Monitor.token == token))
    if monitor_id is None:
        raise Problem(404, "There is no monitor with this token.")
    now = datetime.now(UTC)
    await record(session, [Finished(monitor_id, now, now, HEARTBEAT)])
    return Pong()
