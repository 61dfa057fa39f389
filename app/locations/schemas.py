"""Locations as a client reads them."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.fields import Milliseconds


class LocationFigures(BaseModel):
    """How monitors are seen from a location; those that are paused are left out."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["frankfurt"])
    monitors: int = Field(description="Monitors that are to be checked from there.")
    failing: int = Field(description="How many of them are down as seen from there.")
    overdue: int = Field(
        description="How many of them should have had a result from there over a minute ago. "
        "Not 0: there is no worker, or it is cut off, and these do not count from there."
    )


class LocationOut(LocationFigures):
    """A location that monitors name, or where a worker has been."""

    seen_at: AwareDatetime | None = Field(
        description="When a worker last looked for checks there; null: for a week, none has."
    )


class LocationsOut(BaseModel):
    """All locations, by name."""

    items: list[LocationOut]


class SeenFrom(BaseModel):
    """A monitor as one of its locations sees it."""

    model_config = ConfigDict(from_attributes=True)

    location: str = Field(examples=["frankfurt"])
    state: str = Field(examples=["pending", "up", "down"])
    since: AwareDatetime
    checked_at: AwareDatetime | None
    latency_ms: Milliseconds | None
    error: str | None
    overdue: bool = Field(
        description="A result from there is over a minute late: what is known is old, and does "
        "not count."
    )
