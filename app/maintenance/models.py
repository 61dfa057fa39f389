"""Maintenance windows as they are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base

_NONE = text("'{}'")


class MaintenanceWindow(Base):
    """A window that a user has planned: for which monitors, and when, once or recurring.

    It applies to monitors that are in one of the groups, have one of the tags, or are listed in
    maintenance_monitors; or to all. Either both times are set, or `recurrence` is.
    """

    __tablename__ = "maintenance_windows"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    all_monitors: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    groups: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_NONE)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_NONE)
    starts_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # none_as_null: store SQL NULL, not JSON null.
    recurrence: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class MaintenanceMonitor(Base):
    """A monitor that a window lists."""

    __tablename__ = "maintenance_monitors"
    __table_args__ = (Index("maintenance_monitors_by_monitor", "monitor_id"),)

    window_id: Mapped[int] = mapped_column(
        ForeignKey("maintenance_windows.id", ondelete="CASCADE"), primary_key=True
    )
    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )


class MaintenancePeriod(Base):
    """One occurrence of a window, computed in advance so that SQL need not handle time zones."""

    __tablename__ = "maintenance_periods"
    __table_args__ = (
        CheckConstraint("starts_at <= ends_at", name="maintenance_periods_in_order"),
        Index(
            "maintenance_periods_by_time",
            text("tstzrange(starts_at, ends_at)"),
            postgresql_using="gist",
        ),
    )

    window_id: Mapped[int] = mapped_column(
        ForeignKey("maintenance_windows.id", ondelete="CASCADE"), primary_key=True
    )
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
