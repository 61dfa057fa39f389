"""What keeps the database small and ready: partitions ahead of time, old results dropped."""

import logging
import re
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from app.database import Database

log = logging.getLogger(__name__)

# Days for which partitions are made ahead: so long may upkeep fail before a result has no place.
AHEAD_DAYS = 7
PARTITION = re.compile(r"checks_(\d{8})")
# Two who make the same partition would wait for each other's lock on `checks`, with all writers
# behind them. One does it, the other goes home.
LOCK = 7248

# The database's day: a worker whose clock is wrong would drop what is still wanted.
_TODAY = text("SELECT CAST(now() AT TIME ZONE 'UTC' AS date)")

# The day with which checks_before ends, which holds what was stored before there were partitions.
_FIRST_DAY = text(r"""
    SELECT CAST(CAST(substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)')
                AS timestamptz) AT TIME ZONE 'UTC' AS date)
    FROM pg_class WHERE oid = to_regclass('checks_before')
""")

_PARTITIONS = text("""
    SELECT CAST(inhrelid::regclass AS text) FROM pg_inherits WHERE inhparent = 'checks'::regclass
""")


async def keep_up(database: Database, *, retention_days: int, today: date | None = None) -> None:
    """Make the partitions of the coming days, and drop those older than the retention.

    Raises DatabaseUnavailable.
    """
    async with database.transaction() as session:
        lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
        if not await session.scalar(lock, {"lock": LOCK}):
            return
        # Both need `checks` for a moment to themselves. Who waits for it keeps everybody else
        # waiting, so it is given up soon; there are days to try again.
        await session.execute(text("SET LOCAL lock_timeout = '2s'"))
        today = today or await session.scalar(_TODAY)
        assert today is not None
        names = (await session.scalars(_PARTITIONS)).all()
        days = [day for name in names if (day := _day(name)) is not None]
        # All that are missing, not those after the last: a gap would refuse its day's results.
        first = max(today, await session.scalar(_FIRST_DAY) or today)
        for number in range((today + timedelta(days=AHEAD_DAYS) - first).days + 1):
            day = first + timedelta(days=number)
            if day in days:
                continue
            begin, end = _midnight(day), _midnight(day + timedelta(days=1))
            name = f"checks_{day:%Y%m%d}"
            bounds = f"FOR VALUES FROM ('{begin}') TO ('{end}')"
            await session.execute(text(f"CREATE TABLE {name} PARTITION OF checks {bounds}"))
            log.info("partition %s made", name)
        for day in days:
            if day < today - timedelta(days=retention_days):
                await session.execute(text(f"DROP TABLE checks_{day:%Y%m%d}"))
                log.info("the checks of %s are dropped", day)


def _day(name: str) -> date | None:
    match = PARTITION.fullmatch(name)
    return date.fromisoformat(match[1]) if match else None


def _midnight(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
