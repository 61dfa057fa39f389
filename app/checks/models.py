"""Database tables of checks."""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class Check(Base):
    """One check's result. Latency and timings in milliseconds.

    The key is the monitor and the time for which the check was planned. If there are two results
    for the same time, the first one is kept.

    There is no foreign key to the monitor, because it would be looked up for every row written.
    Monitor numbers are never reused, so no query finds the rows that a deleted monitor leaves.
    """

    __tablename__ = "checks"

    monitor_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    scheduled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ok: Mapped[bool] = mapped_column(Boolean)
    status_code: Mapped[int | None] = mapped_column(SmallInteger)
    latency_ms: Mapped[float | None] = mapped_column(REAL)
    dns_ms: Mapped[float | None] = mapped_column(REAL)
    connect_ms: Mapped[float | None] = mapped_column(REAL)
    tls_ms: Mapped[float | None] = mapped_column(REAL)
    first_byte_ms: Mapped[float | None] = mapped_column(REAL)
    error: Mapped[str | None] = mapped_column(Text)
