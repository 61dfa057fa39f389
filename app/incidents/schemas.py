"""Incidents as they are returned to clients."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.fields import InputModel, Line
from app.incidents.models import Incident


class IncidentOut(BaseModel):
    """An outage: open while `closed_at` is null."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    monitor_id: int
    monitor_name: str = Field(examples=["Shop"])
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    cause: str = Field(examples=["status 503 (accepted: 200-299)"])
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None


class Acknowledgement(InputModel):
    """Who acknowledges the incident."""

    by: Annotated[Line, Field(max_length=200)] | None = Field(default=None, examples=["Ada"])


def incident_out(incident: Incident, monitor_name: str) -> IncidentOut:
    """Return a stored incident as it is sent to clients."""
    return IncidentOut(
        monitor_name=monitor_name,
        **{
            name: getattr(incident, name)
            for name in IncidentOut.model_fields
            if name != "monitor_name"
        },
    )
