"""Keeps one server running for a test run: `python -m tests.keeper postgres_server`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests import run
from tests.engine import engine_answers
from tests.services import create_database, migrate, postgres, redis


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Start a PostgreSQL whose database `migrated` is the template of the tests' databases."""
    # The wheel's has this machine's clock, which tests/faketime changes.
    containers = engine_answers() and os.environ.get("STAGEWATCH_TEST_POSTGRES") != "wheel"
    with postgres(folder, containers=containers) as url:
        # A template without connections: cloning it takes a tenth of the time of migrating.
        migrate(create_database(url, "migrated"))
        yield url


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Start a Redis; every process of the run uses another database in it."""
    folder.mkdir()
    with redis(folder, containers=engine_answers()) as url:
        yield url


SERVERS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "postgres_server": postgres_server,
    "redis_server": redis_server,
}


def main(kind: str) -> None:
    """Keep the server until the run is over."""
    with run.kept(kind) as folder, SERVERS[kind](folder) as address:
        run.publish(kind, address)
        run.wait_until_over()


if __name__ == "__main__":
    main(sys.argv[1])
