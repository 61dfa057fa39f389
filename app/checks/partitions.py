"""Create partitions for the coming days, and drop those of old results."""

import logging
import re
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import retention
from app.database import Database
from app.settings import Settings

log = logging.getLogger(__name__)

# Days for which partitions are created ahead. Results without one are stored in checks_default.
AHEAD_DAYS = 7
PARTITION = re.compile(r"checks_(\d{8})")
# Two workers that create the same partition would wait for each other's lock, with everything that
# writes results waiting behind them, so only one of them does it.
LOCK = 7248

# The database's date: a worker whose clock is wrong would drop results that are still needed.
_TODAY = text("SELECT CAST(now() AT TIME ZONE 'UTC' AS date)")

# The first day after checks_before, which holds what was stored before there were partitions.
_FIRST_DAY = text(r"""
    SELECT CAST(CAST(substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)')
                AS timestamptz) AT TIME ZONE 'UTC' AS date)
    FROM pg_class WHERE oid = to_regclass('checks_before') AND relispartition
""")

_PARTITIONS = text("""
    SELECT CAST(inhrelid::regclass AS text) FROM pg_inherits WHERE inhparent = 'checks'::regclass
""")

# Days that have results in the default partition.
_STRAY_DAYS = text("""
    SELECT DISTINCT CAST(scheduled_at AT TIME ZONE 'UTC' AS date) FROM checks_default
""")


async def maintain(database: Database, settings: Settings) -> None:
    """Create missing partitions, and delete data that is past its retention.

    May be called at any time and by several workers at once. Raises DatabaseUnavailable.
    """
    async with database.transaction() as session:
        if not await _locked(session):
            return
        for day in await _missing_days(session, settings.retention_days):
            await _make(session, day)
    async with database.transaction() as session:
        if not await _locked(session):
            return
        await _drop(session, settings.retention_days)
    await retention.apply(database, settings)


async def _locked(session: AsyncSession) -> bool:
    lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
    if not await session.scalar(lock, {"lock": LOCK}):
        return False
    # This needs exclusive access to a table for a moment. While it waits for the lock, all later
    # queries wait too, so it gives up soon and is retried later.
    await session.execute(text("SET LOCAL lock_timeout = '2s'"))
    return True


async def _missing_days(session: AsyncSession, retention_days: int) -> list[date]:
    """Return the days without a partition, gaps included; also those with stray results."""
    today: date = (await session.scalars(_TODAY)).one()
    names = (await session.scalars(_PARTITIONS)).all()
    there = {day for name in names if (day := _day(name)) is not None}
    first = (await session.scalars(_FIRST_DAY)).one_or_none() or date.min
    last = today + timedelta(days=AHEAD_DAYS)
    wanted = {today + timedelta(days=number) for number in range(AHEAD_DAYS + 1)}
    oldest = today - timedelta(days=retention_days)
    wanted |= {day for day in await session.scalars(_STRAY_DAYS) if oldest <= day <= last}
    return sorted(day for day in wanted - there if day >= first)


async def _make(session: AsyncSession, day: date) -> None:
    """Create a day's partition, and move its results there from the default partition."""
    name = f"checks_{day:%Y%m%d}"
    begin, end = _midnight(day), _midnight(day + timedelta(days=1))
    # The table is attached, not created as a partition, which would lock all partitions against
    # writes. No results may arrive during the move, or the new partition would be refused.
    for statement in (
        f"CREATE TABLE {name} (LIKE checks INCLUDING ALL)",
        "LOCK TABLE checks_default IN ACCESS EXCLUSIVE MODE",
        f"""
            WITH moved AS (
                DELETE FROM checks_default
                WHERE scheduled_at >= '{begin}' AND scheduled_at < '{end}' RETURNING *
            )
            INSERT INTO {name} SELECT * FROM moved
        """,  # noqa: S608  (a name and times made from a date)
        f"ALTER TABLE checks ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')",
    ):
        # Not text(), which would take the colons of a time for parameters.
        await (await session.connection()).exec_driver_sql(statement)
    log.info("partition %s created", name)


async def _drop(session: AsyncSession, retention_days: int) -> None:
    today: date = (await session.scalars(_TODAY)).one()
    oldest = today - timedelta(days=retention_days)
    for name in await session.scalars(_PARTITIONS):
        day = _day(name)
        if day is not None and day < oldest:
            await session.execute(text(f"DROP TABLE {name}"))
            log.info("the checks of %s were dropped", day)
    first = (await session.scalars(_FIRST_DAY)).one_or_none()
    if first is not None and first <= oldest:
        await session.execute(text("DROP TABLE checks_before"))
        log.info("the checks before %s were dropped", first)


def _day(name: str) -> date | None:
    match = PARTITION.fullmatch(name)
    return date.fromisoformat(match[1]) if match else None


def _midnight(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
