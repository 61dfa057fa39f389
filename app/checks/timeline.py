"""The course of an outage: its checks, and the phases in which they spent their time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.models import Check
from app.fields import Milliseconds
from app.incidents.models import Incident

# Checks in a timeline, at most: before the incident opened, with the failures that led to that,
# nine at most; from its beginning and its end, because an outage may last for weeks; and after it.
BEFORE, FIRST, LAST, AFTER = 15, 10, 20, 5
# How far these may be from the incident; limited, so that few partitions are read.
NEAR = timedelta(days=7)
HOUR = timedelta(hours=1)
# Checks for a median.
SAMPLE = 1000
# An incident opens when the check that confirms it ends. It was due earlier, as were those before.
LEAD = timedelta(minutes=2)

_MEDIANS = text("""
    SELECT count(*) AS count,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY dns_ms) AS dns_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY connect_ms) AS connect_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY tls_ms) AS tls_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY first_byte_ms) AS first_byte_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS total_ms
    FROM (
        SELECT dns_ms, connect_ms, tls_ms, first_byte_ms, latency_ms
        FROM checks
        WHERE monitor_id = :id AND scheduled_at > :begin AND scheduled_at <= :end AND ok = :ok
        ORDER BY scheduled_at
        LIMIT :sample
    ) c
""")


class Medians(BaseModel):
    """Median milliseconds of a phase over `count` checks; null where none got that far."""

    model_config = ConfigDict(from_attributes=True)

    dns_ms: Milliseconds | None
    connect_ms: Milliseconds | None
    tls_ms: Milliseconds | None
    first_byte_ms: Milliseconds | None
    total_ms: Milliseconds | None
    count: int


class Phases(BaseModel):
    """The phases of an outage's failed checks, and of successful checks before it."""

    during: Medians
    hour_before: Medians


async def checks_around(session: AsyncSession, incident: Incident) -> list[Check]:
    """Return checks before, during and after an outage, oldest first, at most 50."""
    number, opened, closed = incident.monitor_id, incident.opened_at, incident.closed_at
    end = closed or await _now(session)
    parts = [
        await _checks(session, number, opened - NEAR, opened, limit=BEFORE, newest=True),
        await _checks(session, number, opened, end, limit=FIRST),
        await _checks(session, number, opened, end, limit=LAST, newest=True),
    ]
    if closed:
        parts.append(await _checks(session, number, closed, closed + NEAR, limit=AFTER))
    found = {check.scheduled_at: check for part in parts for check in part}
    return [found[scheduled_at] for scheduled_at in sorted(found)]


async def phases(session: AsyncSession, incident: Incident) -> Phases:
    """Return the medians of an outage's failed checks, and of good checks in the hour before."""
    opened = incident.opened_at
    end = incident.closed_at or await _now(session)
    return Phases(
        during=await _medians(session, incident.monitor_id, opened - LEAD, end, ok=False),
        hour_before=await _medians(session, incident.monitor_id, opened - HOUR, opened, ok=True),
    )


async def _now(session: AsyncSession) -> datetime:
    return (await session.scalars(select(func.now()))).one()


async def _checks(
    session: AsyncSession,
    monitor_id: int,
    after: datetime,
    until: datetime,
    *,
    limit: int,
    newest: bool = False,
) -> Sequence[Check]:
    """Return the oldest checks between two times, or the newest, from that end of the key."""
    key = Check.scheduled_at
    query = (
        select(Check)
        .where(Check.monitor_id == monitor_id, key > after, key <= until)
        .order_by(key.desc() if newest else key)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def _medians(
    session: AsyncSession, monitor_id: int, begin: datetime, end: datetime, *, ok: bool
) -> Medians:
    values = {"id": monitor_id, "begin": begin, "end": end, "ok": ok, "sample": SAMPLE}
    return Medians.model_validate((await session.execute(_MEDIANS, values)).one())
