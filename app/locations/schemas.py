"""Locations as they are returned to clients."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.fields import Milliseconds


class LocationFigures(BaseModel):
    """How monitors are seen from a location; paused monitors are left out."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["frankfurt"])
    monitors: int = Field(description="Monitors to be checked from there.")
    failing: int = Field(description="Monitors that are down as seen from there.")
    overdue: int = Field(
        description="Monitors whose result from there is more than a minute late. If not 0, no "
        "worker is there or it is cut off, and old results from there do not count."
    )


class LocationOut(LocationFigures):
    """A location that monitors name, or where a worker has been."""

    seen_at: AwareDatetime | None = Field(
        description="When a worker there last looked for checks; null: not in the last week."
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
        description="A result from there is more than a minute late, and the last one no longer "
        "counts."
    )
