"""Delete single rows that are past their retention, one batch per transaction."""

import logging
from datetime import timedelta

from sqlalchemy import text

from app.database import Database
from app.settings import Settings

log = logging.getLogger(__name__)

# Rows deleted per transaction, and batches per table in one round; the remaining rows are left to
# the next round.
BATCH = 5000
MAX_BATCHES = 200
# Days for which a worker's presence at a location is remembered.
LOCATION_DAYS = 7

# Which rows are old, by table. checks_default has no partition of a day that could be dropped, and
# loses the rows that would have been dropped with one.
_OLD = {
    "checks_default": "scheduled_at < date_trunc('day', now(), 'UTC') - CAST(:keep AS interval)",
    "hourly_stats": "hour < now() - CAST(:keep AS interval)",
    "daily_stats": "day < now() - CAST(:keep AS interval)",
    "incidents": "closed_at < now() - CAST(:keep AS interval)",
    "locations": "seen_at < now() - CAST(:keep AS interval)",
    "notifications": "state <> 'pending' AND created_at < now() - CAST(:keep AS interval)",
    "mails": "state <> 'pending' AND created_at < now() - CAST(:keep AS interval)",
    "broadcasts": "created_at < now() - CAST(:keep AS interval)",
    "sign_ups": "expires_at < now() - CAST(:keep AS interval)",
}


async def apply(database: Database, settings: Settings) -> None:
    """Delete rows that are past their retention. Raises DatabaseUnavailable."""
    days = {
        "checks_default": settings.retention_days,
        "hourly_stats": settings.hourly_retention_days,
        "daily_stats": settings.daily_retention_days,
        "incidents": settings.incident_retention_days,
        "locations": LOCATION_DAYS,
        "notifications": settings.notification_retention_days,
        "mails": settings.notification_retention_days,
        # No process has handled a broadcast this old; sign-ups store their own time of expiry.
        "broadcasts": 1,
        "sign_ups": 0,
    }
    for table, old in _OLD.items():
        statement = text(f"""
            DELETE FROM {table}
            WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {old} LIMIT {BATCH}))
        """)  # noqa: S608  (constants of this module)
        values = {"keep": timedelta(days=days[table])}
        deleted = 0
        for _ in range(MAX_BATCHES):
            async with database.transaction() as session:
                done = await session.execute(statement, values)
            count = int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it
            deleted += count
            if count < BATCH:
                break
        if deleted:
            log.info("%d rows of %s were past their retention", deleted, table)
