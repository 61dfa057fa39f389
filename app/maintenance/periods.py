"""The occurrences of windows, planned far enough ahead to survive weeks without upkeep.

Current and past periods are kept as they were, because results are judged by them. Future periods
are regenerated whenever their window changes, and extended by upkeep as time goes on.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.maintenance.models import MaintenanceWindow
from app.maintenance.recurrence import Period, Recurrence

log = logging.getLogger(__name__)

# How far ahead periods are planned: monthly windows occur twice in this time.
AHEAD = timedelta(days=62)
# How long periods are kept: longer than the longest time between two heartbeats.
KEEP = timedelta(days=40)
# How long a one-time window that has ended is still listed.
KEEP_WINDOWS = timedelta(days=90)

_END_OR_MOVE = text("""
    UPDATE maintenance_periods SET ends_at = :ends_at
    WHERE window_id = :id AND starts_at <= :now AND ends_at > :now
""")

_FORGET = text("""
    DELETE FROM maintenance_periods
    WHERE window_id = :id AND starts_at > :now
      AND starts_at <> ALL(CAST(:starts AS timestamptz[]))
""")

_PLAN = text("""
    INSERT INTO maintenance_periods AS p (window_id, starts_at, ends_at)
    SELECT :id, starts_at, ends_at
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
        AS v (starts_at, ends_at)
    ON CONFLICT (window_id, starts_at) DO UPDATE SET ends_at = excluded.ends_at
    WHERE p.ends_at <> excluded.ends_at
""")

_DROP = [
    (
        text("DELETE FROM maintenance_periods WHERE ends_at < now() - CAST(:keep AS interval)"),
        KEEP,
    ),
    (
        text("DELETE FROM maintenance_windows WHERE ends_at < now() - CAST(:keep AS interval)"),
        KEEP_WINDOWS,
    ),
]


def to_come(window: MaintenanceWindow, now: datetime) -> list[Period]:
    """Return the current and future periods of a window."""
    if window.recurrence is not None:
        recurrence = Recurrence.model_validate(window.recurrence)
        return list(recurrence.periods(now, now + AHEAD))
    if window.starts_at is None or window.ends_at is None or window.ends_at <= now:
        return []
    return [Period(window.starts_at, window.ends_at)]


async def plan(session: AsyncSession, window: MaintenanceWindow) -> list[Period]:
    """Store the periods of a locked window; return the current and future ones.

    A current period that is no longer planned ends now. One that should have begun earlier begins
    now: results recorded since then stay as they are.
    """
    now: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    periods = to_come(window, now)
    begun = [period.ends_at for period in periods if period.starts_at <= now]
    values = {"id": window.id, "now": now}
    moved = await session.execute(_END_OR_MOVE, values | {"ends_at": max(begun, default=now)})
    later = [period for period in periods if period.starts_at > now]
    await session.execute(_FORGET, values | {"starts": [period.starts_at for period in later]})
    if begun and not moved.rowcount:  # type: ignore[attr-defined]  # a statement's result has it
        later.insert(0, Period(now, max(begun)))
    await _store(session, window.id, later)
    return periods


async def _store(session: AsyncSession, window_id: int, periods: Sequence[Period]) -> None:
    if periods:
        starts, ends = zip(*periods, strict=True)
        await session.execute(_PLAN, {"id": window_id, "starts": list(starts), "ends": list(ends)})


async def extend(database: Database) -> None:
    """Plan newly foreseeable periods and delete old ones. Raises DatabaseUnavailable."""
    async with database.transaction() as session:
        for statement, keep in _DROP:
            await session.execute(statement, {"keep": keep})
        recurring = select(MaintenanceWindow.id).where(MaintenanceWindow.recurrence.is_not(None))
        ids = (await session.scalars(recurring.order_by(MaintenanceWindow.id))).all()
    for number in ids:
        async with database.transaction() as session:
            # A transaction that changes or deletes the window at this moment plans it too.
            window = await session.get(
                MaintenanceWindow, number, with_for_update={"key_share": True}
            )
            if window is None:
                continue
            try:
                await plan(session, window)
            except ValidationError as error:
                # It was written by another version of the program.
                log.warning("maintenance window %d can't be read: %s", number, error)
