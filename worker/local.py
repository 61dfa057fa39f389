"""Without Docker: `make run` serves everything in one process on this machine alone.

The code is the same as in containers. What differs is what stands around it: PostgreSQL comes
from a wheel, this process's memory takes the place of Redis, and a task in its event loop that
of beat and workers.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from sqlalchemy import select

from app.database import Database, DatabaseUnavailable
from app.localpostgres import local_postgres
from app.main import create_app
from app.monitors.models import Monitor, State
from app.monitors.schemas import MONITOR_IN, apply_config
from app.settings import Settings, load_settings
from worker.crew import Crew

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DATA_DIR", ROOT / ".data")) / "postgres"
DEMO = "Stagewatch itself"
# Seconds that checks under way get when it is stopped.
DRAIN_SECONDS = 2


async def add_demo_monitor(database_url: str, port: int) -> None:
    """A monitor of Stagewatch itself, unless there is any monitor already."""
    database = Database(database_url)
    async with database.transaction() as session:
        if await session.scalar(select(Monitor.id).limit(1)) is None:
            url = f"http://localhost:{port}/health"
            config = {"name": DEMO, "kind": "http", "url": url, "interval_seconds": 10}
            monitor = Monitor()
            apply_config(monitor, MONITOR_IN.validate_python(config))
            session.add(monitor)
            await session.flush()
            session.add(State(monitor_id=monitor.id))
    await database.close()


async def every(seconds: float, work: Callable[[], Awaitable[bool | None]]) -> None:
    """Do `work` every so many seconds, and again at once as long as it says that there is more."""
    while True:
        try:
            while await work():
                pass
        except DatabaseUnavailable as error:
            log.warning("%s", error)
        except Exception:
            # A fault in one round must not be the end of all checking.
            log.exception("a fault of its own")
        await asyncio.sleep(seconds)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """What beat and workers do, in this event loop."""
    told = asyncio.Event()
    crew = Crew(settings, on_notifications=told.set)

    async def deliver_when_told() -> None:
        await told.wait()
        told.clear()
        await crew.deliver()

    tasks = [
        asyncio.create_task(each)
        for each in (
            every(1, crew.check),
            every(5, crew.deliver),
            every(3600, crew.keep_up),
            every(0, deliver_when_told),
        )
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await crew.close(DRAIN_SECONDS)


def create_local_app() -> FastAPI:
    """The application, with the checking in it."""
    settings = load_settings()
    app = create_app(settings)
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with serving(app), working(settings):
            yield

    app.router.lifespan_context = lifespan
    return app


def stop(signum: int, frame: FrameType | None) -> None:
    # An ordinary end, so that the database is stopped on the way out.
    sys.exit(0)


def main() -> None:
    port = load_settings().port
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    # The demo monitor is on this machine, where checks may not go unless they are allowed to.
    os.environ.setdefault("ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
    # One process has no use for a Redis, not even for one that the environment names.
    os.environ["REDIS_URL"] = ""
    with local_postgres(DATA) as os.environ["DATABASE_URL"]:
        command.upgrade(Config(ROOT / "alembic.ini"), "head")
        asyncio.run(add_demo_monitor(load_settings().database_url, port))
        print(f"Stagewatch: http://localhost:{port} (documentation at /docs, Ctrl-C stops it)")
        print(f"PostgreSQL runs from a wheel; its data is in {DATA}")
        print("In place of Redis, this process's memory caches and counts")
        print("In place of Celery, a task in its event loop checks, every second what is due")
        sys.stdout.flush()
        uvicorn.run(
            "worker.local:create_local_app",
            factory=True,
            host="127.0.0.1",
            port=port,
            log_level="warning",
        )


if __name__ == "__main__":
    main()
