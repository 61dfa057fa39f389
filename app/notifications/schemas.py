"""Notifications as a client reads them."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class NotificationOut(BaseModel):
    """One thing to tell one channel, and how far that has come."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    channel_id: int
    incident_id: int | None
    event: Literal["incident.opened", "incident.closed", "test"]
    state: Literal["pending", "sent", "dead"]
    attempts: int
    next_attempt_at: AwareDatetime = Field(description="While it is pending.")
    last_error: str | None = Field(examples=["connection refused"])
    created_at: AwareDatetime
    sent_at: AwareDatetime | None
