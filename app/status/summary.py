"""The state of all monitors, in one answer."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.uptime import ratios_of_a_day
from app.fields import Milliseconds
from app.incidents.models import Incident
from app.incidents.schemas import IncidentOut, incident_out
from app.monitors.models import Monitor, State
from app.monitors.output import StateName


class MonitorSummary(BaseModel):
    """One monitor at a glance."""

    id: int
    name: str
    state: StateName
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    uptime: float | None = Field(
        description="Uptime of the last 24 hours from 0 to 1, as a share of the time for which it "
        "is known; null if nothing is known."
    )


class Summary(BaseModel):
    """All monitors; `state` is down when one is, pending when nothing has been checked yet."""

    state: Literal["pending", "up", "down"]
    monitors: list[MonitorSummary]
    incidents: list[IncidentOut] = Field(description="Open incidents, newest first.")


def overall(states: Iterable[str]) -> Literal["pending", "up", "down"]:
    """Return the overall state, given the states of all monitors."""
    seen = set(states)
    if "down" in seen:
        return "down"
    return "up" if "up" in seen else "pending"


async def summarize(session: AsyncSession) -> Summary:
    """Return the current summary."""
    ratios = await ratios_of_a_day(session)
    query = (
        select(Monitor.id, Monitor.name, State.state, State.latency_ms)
        .join(State, State.monitor_id == Monitor.id)
        .order_by(Monitor.name, Monitor.id)
    )
    monitors = [
        MonitorSummary.model_validate(
            {
                "id": id_,
                "name": name,
                "state": state,
                "latency_ms": latency,
                "uptime": ratios.get(id_),
            }
        )
        for id_, name, state, latency in await session.execute(query)
    ]
    outages = (
        select(Incident, Monitor.name)
        .join(Monitor, Monitor.id == Incident.monitor_id)
        .where(Incident.closed_at.is_(None))
        .order_by(Incident.id.desc())
    )
    incidents = [incident_out(incident, name) for incident, name in await session.execute(outages)]
    return Summary(
        state=overall(monitor.state for monitor in monitors), monitors=monitors, incidents=incidents
    )
