"""Without Docker: `make run` serves everything in one process, on this machine only.

The code is the same as in containers; only the environment differs: PostgreSQL comes from a
wheel, this process's memory replaces Redis, and tasks in its event loop replace beat and
workers.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from sqlalchemy import select

from app import logs
from app.database import Database
from app.local_postgres import local_postgres
from app.main import create_app
from app.monitors import service
from app.monitors.models import Monitor
from app.monitors.schemas import MONITOR_IN
from app.pages import add_pages
from app.server import server_config
from app.settings import Settings, load_settings
from worker.engine import Engine

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DATA_DIR", ROOT / ".data")) / "postgres"
DEMO = "Stagewatch itself"
# Seconds for checks in progress when the program is stopped.
DRAIN_SECONDS = 2


async def add_demo_monitor(database_url: str, port: int) -> None:
    """Add a monitor for Stagewatch itself, unless there are monitors already."""
    database = Database(database_url)
    async with database.transaction() as session:
        if await session.scalar(select(Monitor.id).limit(1)) is None:
            url = f"http://localhost:{port}/health"
            config = {"name": DEMO, "kind": "http", "url": url, "interval_seconds": 5}
            await service.create(session, MONITOR_IN.validate_python(config))
    await database.close()


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Do what beat and workers do, in this event loop, while the block runs."""
    engine = Engine(settings)
    yield
    await engine.close(DRAIN_SECONDS)


def create_local_app(settings: Settings | None = None) -> FastAPI:
    """Return the application, including the pages and the checking."""
    settings = settings or load_settings(seals=True)
    app = create_app(settings)
    add_pages(app)
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with serving(app), working(settings):
            yield

    app.router.lifespan_context = lifespan
    return app


def stop(_signum: int, _frame: FrameType | None) -> None:
    # Exit normally, so that the database is stopped as well.
    sys.exit(0)


def main() -> None:
    port = load_settings().port
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    # The demo monitor is on this machine, which checks may only reach if it is allowed.
    os.environ.setdefault("ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
    # For the person at this terminal, who should not see a line for every check.
    os.environ.setdefault("LOG_FORMAT", "console")
    os.environ.setdefault("LOG_LEVEL", "warning")
    # One process does not need Redis, even if the environment names one.
    os.environ["REDIS_URL"] = ""
    # As the only process, it makes the checks that can be made from anywhere.
    os.environ["LOCATION"] = ""
    logs.configure(load_settings(), "local")
    with local_postgres(DATA) as os.environ["DATABASE_URL"]:
        command.upgrade(Config(ROOT / "alembic.ini"), "head")
        asyncio.run(add_demo_monitor(load_settings().database_url, port))
        print(f"Stagewatch: http://localhost:{port} (documentation at /docs, Ctrl-C stops it)")
        print(f"PostgreSQL runs from a wheel; its data is in {DATA}")
        print("Instead of Redis, this process's memory caches and counts")
        print("Instead of Celery, a task in its event loop makes the checks that are due")
        sys.stdout.flush()
        config = server_config(
            load_settings(),
            host="127.0.0.1",
            port=port,
            application="worker.local:create_local_app",
        )
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
