"""Without Docker: `make run` serves everything on this machine only, including PostgreSQL.

PostgreSQL comes from a wheel and runs as the current user; its data is kept in .data/.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from alembic import command
from alembic.config import Config

from app.local_postgres import local_postgres
from app.server import server_config
from app.settings import load_settings

DATA = Path(".data/postgres")


def stop(_signum: int, _frame: FrameType | None) -> None:
    # Exit normally, so that the database is stopped as well.
    sys.exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with local_postgres(DATA) as os.environ["DATABASE_URL"]:
        command.upgrade(Config("alembic.ini"), "head")
        settings = load_settings()
        port = settings.port
        print(f"Stagewatch: http://localhost:{port} (documentation at /docs, Ctrl-C stops it)")
        print(f"PostgreSQL runs from a wheel; its data is in {DATA}")
        print("Instead of Redis, this process's memory caches and counts", flush=True)
        config = server_config(settings, host="127.0.0.1", port=port, log_level="warning")
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
