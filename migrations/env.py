"""Runs the migrations, over the same driver and settings as the application."""

import asyncio
import logging
import time

import asyncpg
from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import app.channels.models
import app.checks.models
import app.incidents.models
import app.keys.models
import app.locations.models
import app.maintenance.models
import app.monitors.models
import app.notifications.models
import app.subscriptions.models  # noqa: F401  (imported for their tables)
from app import logs
from app.database import Base
from app.settings import load_settings

# Only when run as a program; code that imports Alembic has its own logging. Each migration that is
# run is logged.
if not logging.getLogger().handlers:
    logs.configure(load_settings(), "migrate")
    # Not when SQL is printed, so that they do not mix.
    quiet = context.is_offline_mode()
    logging.getLogger("alembic").setLevel(logging.WARNING if quiet else logging.INFO)

log = logging.getLogger("migrations")

# Any number, the same for all migrations.
LOCK = 7247
# Queries that arrive after a migration that waits for a table wait behind it, even readers. So it
# waits briefly, lets others pass, and tries again: a dump may hold its tables for minutes.
LOCK_TIMEOUT = "SET lock_timeout = '2s'"
TRY_AGAIN_SECONDS = 3
GIVE_UP_SECONDS = 900


def migrate(connection: Connection) -> None:
    # Two migrations at once must not both create the same table: the second waits here, and then
    # has nothing left to do. The lock is released with the connection. Poll for it: CREATE INDEX
    # CONCURRENTLY waits for all open snapshots, even that of a blocked query.
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")):
        connection.commit()
        time.sleep(0.2)
    connection.execute(text(LOCK_TIMEOUT))
    connection.commit()
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            run(connection)
        except DBAPIError as error:
            in_use = getattr(error.orig, "sqlstate", None) == "55P03"
            if not in_use or time.monotonic() > deadline:
                raise
        else:
            return
        connection.rollback()
        log.warning("a table is in use: the migration is tried again in %d s", TRY_AGAIN_SECONDS)
        time.sleep(TRY_AGAIN_SECONDS)


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # Release a migration's locks before the next one begins.
        transaction_per_migration=True,
        # The partitions of `checks` come and go with the days.
        include_name=lambda name, kind, _: (
            kind != "table" or not (name or "").startswith("checks_")
        ),
    )
    if newer := _unknown(connection):
        # An earlier image is run after a later one. Migrations first add what is new and only
        # remove what no release before them uses, so it works with these tables too.
        log.warning("the database is at %s, newer than this program; it is left as it is", newer)
        return
    with context.begin_transaction():
        context.run_migrations()


def _unknown(connection: Connection) -> str | None:
    """Return the database's revision if these migrations do not have it."""
    known = {script.revision for script in context.script.walk_revisions()}
    heads = MigrationContext.configure(connection).get_current_heads()
    # The query has begun a transaction, inside which Alembic would not begin its own.
    connection.commit()
    return next((head for head in heads if head not in known), None)


async def main() -> None:
    engine = create_async_engine(load_settings().database_url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    except (OSError, asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError) as error:
        raise SystemExit(f"stagewatch: no migration, the database says: {error}") from None
    finally:
        await engine.dispose()


def write_sql() -> None:
    """Write the migrations as SQL, to be read before they are run: `--sql`."""
    context.configure(dialect_name="postgresql")
    with context.begin_transaction():
        context.execute(LOCK_TIMEOUT)
        context.run_migrations()


if context.is_offline_mode():
    write_sql()
else:
    asyncio.run(main())
