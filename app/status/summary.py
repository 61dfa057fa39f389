"""The state of all monitors, in one answer."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.models import Check
from app.fields import Milliseconds
from app.monitors.models import Monitor, State
from app.monitors.output import StateName


class MonitorSummary(BaseModel):
    """One monitor at a glance."""

    id: int
    name: str
    state: StateName
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    uptime: float | None = Field(
        description="Share of its checks of the last 24 hours that went well, 0 to 1."
    )


class Summary(BaseModel):
    """All monitors; `state` is down when one is, pending when nothing has been checked yet."""

    state: Literal["pending", "up", "down"]
    monitors: list[MonitorSummary]
    incidents: list[object] = []


def overall(states: Iterable[str]) -> Literal["pending", "up", "down"]:
    """Return the overall state, given the states of all monitors."""
    seen = set(states)
    if "down" in seen:
        return "down"
    return "up" if "up" in seen else "pending"


async def summarize(session: AsyncSession) -> Summary:
    """Return the current summary."""
    since = func.now() - func.make_interval(0, 0, 0, 1)
    uptime = (
        select(
            Check.monitor_id,
            (func.count().filter(Check.ok) * 1.0 / func.count()).label("ratio"),
        )
        .where(Check.scheduled_at >= since)
        .group_by(Check.monitor_id)
        .subquery()
    )
    query = (
        select(Monitor.id, Monitor.name, State.state, State.latency_ms, uptime.c.ratio)
        .join(State, State.monitor_id == Monitor.id)
        .outerjoin(uptime, uptime.c.monitor_id == Monitor.id)
        .order_by(Monitor.name, Monitor.id)
    )
    monitors = [
        MonitorSummary(id=id_, name=name, state=state, latency_ms=latency, uptime=ratio)
        for id_, name, state, latency, ratio in await session.execute(query)
    ]
    return Summary(state=overall(each.state for each in monitors), monitors=monitors)
