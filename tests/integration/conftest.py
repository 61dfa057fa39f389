"""The application on a real database that is empty at the start of each test."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from app.main import create_app
from app.settings import Settings
from tests.engine import engine_answers
from tests.run import shared_server
from tests.services import create_database, query, redis
from tests.sites import Site, new_site
from worker.engine import EngineThread

# All of the application's tables; partitions are emptied with the table that they belong to.
EMPTY_TABLES = """
    DO $$
    BEGIN
        EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ')
                || ' RESTART IDENTITY CASCADE'
            FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
              AND NOT relispartition AND relname <> 'alembic_version');
    END $$
"""


@pytest.fixture(scope="session")
def migrated_database(worker_id: str) -> str:
    """Return a database of this process, cloned from one that was migrated once for the run."""
    server = shared_server("postgres_server")
    return create_database(server, f"test_{worker_id}", template="migrated")


@pytest.fixture
def database_url(migrated_database: str) -> str:
    query(migrated_database, EMPTY_TABLES)
    return migrated_database


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for the database than a client would: other tests keep this machine busy."""
    monkeypatch.setattr("app.database.CONNECT_SECONDS", 10.0)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Allow checks of this machine, where the tests' targets are."""
    return Settings(database_url=database_url, allowed_networks="127.0.0.0/8")  # type: ignore[arg-type]  # read as from the environment


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


def redis_runs() -> bool:
    """Return whether Redis runs in a container; skip the test where it can't run at all."""
    containers = engine_answers()
    if not containers and shutil.which("redis-server") is None:
        pytest.skip("no Docker engine answers and there is no redis-server on the path")
    return containers


@pytest.fixture(scope="session")
def redis_database(worker_id: str) -> str:
    """Return a database of this process in the run's Redis, which has sixteen."""
    redis_runs()
    number = int(worker_id.removeprefix("gw")) % 16 if worker_id != "master" else 0
    return f"{shared_server('redis_server')}?db={number}"


@pytest.fixture
def redis_url(redis_database: str) -> str:
    """Return a Redis with nothing in it."""
    with Redis.from_url(redis_database) as connection:
        connection.flushdb()
    return redis_database


@pytest.fixture
def full_redis(tmp_path: Path) -> Iterator[str]:
    """Return the URL of a separate Redis that answers but has no memory left."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis(folder, containers=redis_runs()) as url:
        with Redis.from_url(url) as connection:
            connection.config_set("maxmemory", 1)
        yield url


@pytest.fixture
def site() -> Iterator[Site]:
    with new_site() as site:
        yield site


class Workers:
    """Engines like those in Celery's workers, woken by the test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.running: list[EngineThread] = []

    def start(self) -> EngineThread:
        worker = EngineThread(self.settings)
        self.running.append(worker)
        return worker

    def stop(self, worker: EngineThread) -> None:
        self.running.remove(worker)
        worker.close(2)

    def work_until(self, state: Callable[[], object], *, seconds: float = 20) -> None:
        """Wake all of them repeatedly until `state` is true."""
        deadline = time.monotonic() + seconds
        while not state():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            for worker in self.running:
                worker.run(lambda engine: engine.check(), 5)
                worker.tell(lambda engine: engine.wake_delivery())
            time.sleep(0.1)


@pytest.fixture
def workers(settings: Settings) -> Iterator[Workers]:
    workers = Workers(settings)
    yield workers
    for worker in list(workers.running):
        workers.stop(worker)
