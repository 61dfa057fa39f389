"""Monitors as they are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base

# A place for each bucket of app.checks.histogram, and one for the checks that failed.
EMPTY_HISTOGRAM = text("array_fill(0::smallint, ARRAY[65])")


class Monitor(Base):
    """What is watched, and how. Changes when a person changes it, and only then.

    `spec` holds what is particular to the kind, as its schema writes it. `version` grows with
    each change, so that who keeps a copy knows when it is old.
    """

    __tablename__ = "monitors"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    interval_seconds: Mapped[int] = mapped_column(Integer)
    timeout_seconds: Mapped[float] = mapped_column(Float)
    confirmations: Mapped[int] = mapped_column(Integer)
    channel_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    token: Mapped[str | None] = mapped_column(Text, unique=True)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class State(Base):
    """How a monitor is: the narrow row that every check writes, beside the wide one."""

    __tablename__ = "states"

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latency_ms: Mapped[float | None] = mapped_column(REAL)
    error: Mapped[str | None] = mapped_column(Text)

    # The schedule. `due_at`: the time for which the next check is planned. `claimable_at`: from
    # when a worker may take it: the same, or while one has it, the end of its lease. `lease`:
    # whose it is; a result that comes with another number comes too late.
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    claimable_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
    lease: Mapped[int | None] = mapped_column(BigInteger)

    # The sums of the hour that has begun, kept here because this row is written with every
    # check anyway; once it is over they become a row of `hours`.
    hour: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.date_trunc("hour", func.now(), "UTC")
    )
    hour_checks: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_up: Mapped[int] = mapped_column(Integer, server_default="0")
    hour_latencies: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), server_default=EMPTY_HISTOGRAM
    )
