"""Database table of incidents."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class Incident(Base):
    """One outage of one monitor. Open while `closed_at` is null; a monitor has one at a time."""

    __tablename__ = "incidents"
    __table_args__ = (
        # The database itself ensures that an outage has one incident, whichever process writes it.
        Index(
            "incidents_one_open",
            "monitor_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("incidents_by_monitor", "monitor_id", "id"),
        Index("incidents_by_closing", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    monitor_id: Mapped[int] = mapped_column(ForeignKey("monitors.id", ondelete="CASCADE"))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cause: Mapped[str] = mapped_column(Text)
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
