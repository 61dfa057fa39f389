"""Tables of locations, and of monitors as locations see them."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Integer, Text, func
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class Location(Base):
    """A location at which a worker has looked for checks."""

    __tablename__ = "locations"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LocationSchedule(Base):
    """When a monitor is checked next from one of its locations, as in `schedule`.

    This is a separate table, so that the claims of all other monitors cost no more than before. It
    has no unique index either, for the same reason.
    """

    __tablename__ = "location_schedule"
    __table_args__ = (
        Index("ix_location_schedule_location_claimable_at", "location", "claimable_at"),
    )

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    location: Mapped[str] = mapped_column(Text, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    claimable_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default="infinity"
    )
    lease: Mapped[int | None] = mapped_column(BigInteger)


class LocationState(Base):
    """A monitor as one of its locations sees it. Written under the lock of the monitor's state.

    `state` is pending, up or down. `unbroken_since`: since when results have arrived from
    there without a gap.
    """

    __tablename__ = "location_states"
    __table_args__ = (
        # It includes the time, for the reason given where states are locked (app.checks).
        Index(
            "ix_location_states_monitor_id_location_checked_at",
            "monitor_id",
            "location",
            "checked_at",
        ),
    )

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    location: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    unbroken_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latency_ms: Mapped[float | None] = mapped_column(REAL)
    error: Mapped[str | None] = mapped_column(Text)
