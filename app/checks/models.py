"""Database tables of checks."""

from datetime import datetime

from sqlalchemy import ARRAY, Boolean, DateTime, Integer, SmallInteger, Text
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
    # Null for a check that is not tied to a location. Not part of the key, because each of a
    # monitor's locations has its own slots (app.checks.schedule).
    location: Mapped[str | None] = mapped_column(Text)


class _Stats:
    """Columns that hourly and daily sums share.

    `up_ms` and `down_ms`: how long the monitor was known to be in that state; the rest of the time
    it was pending, paused or not monitored. `latencies`: the buckets of app.checks.histogram, plus
    one element for checks without a latency; null if there were no checks.
    """

    checks: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    up_ms: Mapped[int] = mapped_column(Integer)
    down_ms: Mapped[int] = mapped_column(Integer)
    latencies: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))


class HourlyStats(_Stats, Base):
    """The sums of one hour of a monitor."""

    __tablename__ = "hourly_stats"

    monitor_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True, index=True)


class DailyStats(_Stats, Base):
    """The sums of one UTC day of a monitor."""

    __tablename__ = "daily_stats"

    monitor_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True, index=True)
