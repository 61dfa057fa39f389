"""Monitors as they are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app import request_id
from app.database import Base

# One entry per bucket of app.checks.histogram, and one for checks without a latency.
EMPTY_HISTOGRAM = text("array_fill(0::smallint, ARRAY[65])")


class Monitor(Base):
    """What is checked, and how. The row is written only when a user changes it.

    `spec` holds the fields of the kind, as its schema serialises them. `version` is incremented on
    every change: a copy with another version is out of date.
    """

    __tablename__ = "monitors"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    group: Mapped[str | None] = mapped_column("group_name", Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    interval_seconds: Mapped[int] = mapped_column(Integer)
    timeout_seconds: Mapped[float] = mapped_column(Float)
    confirmations: Mapped[int] = mapped_column(Integer)
    # Empty: the monitor is checked from anywhere, and its schedule is in `schedule`; otherwise
    # in `location_schedule`.
    locations: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    min_failing_locations: Mapped[int] = mapped_column(Integer, server_default="1")
    # False: only the channels in monitor_channels are notified.
    all_channels: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    token: Mapped[str | None] = mapped_column(Text, unique=True)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    # Of the request that created or changed it; a worker logs it on the first check after that.
    request_id: Mapped[str | None] = mapped_column(
        Text, default=request_id.current.get, onupdate=request_id.current.get
    )


class State(Base):
    """A monitor's current state: every check writes this narrow row, not the wide one.

    No unique index, for the reason in the migration.
    """

    __tablename__ = "states"
    __table_args__ = (Index("ix_states_monitor_id_checked_at", "monitor_id", "checked_at"),)

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latency_ms: Mapped[float | None] = mapped_column(REAL)
    error: Mapped[str | None] = mapped_column(Text)

    # The sums for the hour of the last check, kept here because every check writes this row
    # anyway; the first check of another hour adds them to the hourly and daily sums.
    hour: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.date_trunc("hour", func.now(), "UTC")
    )
    hour_checks: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_failed: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_up_ms: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_down_ms: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_latencies: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), server_default=EMPTY_HISTOGRAM
    )


class Schedule(Base):
    """When a monitor is checked next. No unique index, for the reason in the migration.

    `due_at`: when the next check is planned. `claimable_at`: from when a worker may claim it; while
    a worker holds a lease that ends sooner, the end of that lease; infinity while the monitor is
    paused. `lease`: the number of the last claim, null once its result is stored. `expected_from`:
    when a heartbeat's period starts: at its last ping, or when the monitor was created or resumed.
    """

    __tablename__ = "schedule"

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    claimable_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
    lease: Mapped[int | None] = mapped_column(BigInteger)
    expected_from: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
