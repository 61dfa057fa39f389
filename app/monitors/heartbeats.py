"""/ping/TOKEN: a job reports that it has run."""

import re
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, select

from app.api.dependencies import Session
from app.api.problems import documented
from app.checks.recording import CompletedCheck, record
from app.errors import NotFoundError
from app.monitors.models import Monitor
from app.probing.result import Result, Timings

router = APIRouter(tags=["heartbeats"])

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)

HEARTBEAT = Result(ok=True, latency_ms=None, timings=Timings(), status_code=None, error=None)


class Pong(BaseModel):
    """The heartbeat is stored."""

    status: Literal["ok"] = "ok"


@router.get("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_get")
@router.post("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_post")
async def ping(token: str, session: Session) -> Pong:
    """Report a heartbeat. The body is ignored. Paused monitors accept heartbeats, too."""
    # A token is a password: it is looked up by an index, and never shown in an error. The time is
    # the database's, like every time that decides whether something is late.
    found = None
    if _TOKEN.fullmatch(token):
        query = select(Monitor.id, func.clock_timestamp()).where(Monitor.token == token)
        found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFoundError("There is no monitor with this token.")
    monitor_id, now = found
    await record(session, [CompletedCheck(monitor_id, now, now, HEARTBEAT)])
    return Pong()
