"""Runs the migrations, over the same driver and settings as the application."""

import asyncio
import logging

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import app.channels.models
import app.checks.models
import app.incidents.models
import app.monitors.models
import app.notifications.models  # noqa: F401  (imported for their tables)
from app import logs
from app.database import Base
from app.settings import load_settings

# Only when run as a program; code that imports Alembic has its own logging. Each migration that is
# run is logged.
if not logging.getLogger().handlers:
    logs.configure(load_settings(), "migrate")
    logging.getLogger("alembic").setLevel(logging.INFO)

# Any number, the same for all migrations.
LOCK = 7247


def migrate(connection: Connection) -> None:
    # Two migrations at once must not both create the same table: the second waits here, and then
    # has nothing left to do. The lock is released with the connection.
    connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # The partitions of `checks` come and go with the days.
        include_name=lambda name, kind, _: (
            kind != "table" or not (name or "").startswith("checks_")
        ),
    )
    with context.begin_transaction():
        context.run_migrations()


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


if context.is_offline_mode():
    raise SystemExit("stagewatch: migrations need the database")
asyncio.run(main())
