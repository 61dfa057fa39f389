"""Notifications as a client reads them."""

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
    next_attempt_at: AwareDatetime = Field(description="While it is pending.")
    last_error: str | None = Field(examples=["connection refused"])
    answer: str | None = Field(
        description="What the channel answered to the last attempt that called it.",
        examples=['200 OK: {"ok": true}'],
    )
    created_at: AwareDatetime
    sent_at: AwareDatetime | None


class Told(BaseModel):
    """What became of one message about an incident."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    channel_name: str = Field(examples=["On call"])
    event: str = Field(examples=["incident.opened"])
    state: NotificationState
    attempts: int
    sent_at: AwareDatetime | None
    error: str | None
    answer: str | None
