"""Notifications as a client sees them."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

NotificationState = Literal["pending", "sent", "dead", "superseded"]


class NotificationOut(BaseModel):
    """One message to one channel, and its delivery so far."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    channel_id: int
    monitor_id: int | None
    incident_id: int | None
    event: Literal["incident.opened", "incident.closed", "test"]
    state: NotificationState = Field(
        description="dead: given up after too many attempts; superseded: a newer incident of the "
        "same monitor came before it was sent."
    )
    attempts: int
    next_attempt_at: AwareDatetime = Field(description="Only meaningful while it is pending.")
    last_error: str | None = Field(examples=["connection refused"])
    answer: str | None = Field(
        description="The channel's response to the last attempt that reached it.",
        examples=['200 OK: {"ok": true}'],
    )
    created_at: AwareDatetime
    sent_at: AwareDatetime | None


class Told(BaseModel):
    """The outcome of one notification about an incident."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    channel_name: str = Field(examples=["On call"])
    event: str = Field(examples=["incident.opened"])
    state: NotificationState
    attempts: int
    sent_at: AwareDatetime | None
    error: str | None
    answer: str | None
