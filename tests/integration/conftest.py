"""The application on a real database that is empty at the start of each test."""

import shutil
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from app.main import create_app
from app.settings import Settings
from tests.conftest import engine_answers
from tests.services import migrate, postgres, query, redis
from tests.sites import Site, new_site
from worker.runtime import Runtime

TABLES = "monitors, states, checks, hours, incidents, channels, notifications"


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("postgres")
    with postgres(folder, containers=engine_answers()) as url:
        migrate(url)
        yield url


@pytest.fixture
def database_url(migrated_database: str) -> str:
    query(migrated_database, f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    return migrated_database


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Checks may reach this machine, where the tests' targets are."""
    return Settings(database_url=database_url, allowed_networks="127.0.0.0/8")  # type: ignore[arg-type]  # read as from the environment


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    containers = engine_answers()
    if not containers and shutil.which("redis-server") is None:
        pytest.skip("no Docker engine answers and there is no redis-server on the path")
    with redis(tmp_path_factory.mktemp("redis"), containers=containers) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A Redis with nothing in it."""
    with Redis.from_url(redis_server) as connection:
        connection.flushall()
    return redis_server


@pytest.fixture
def site() -> Iterator[Site]:
    with new_site() as site:
        yield site


class Workers:
    """Workers of the kind that Celery's processes have, woken by the test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.running: list[Runtime] = []

    def start(self) -> Runtime:
        worker = Runtime(self.settings, on_notifications=lambda: None)
        self.running.append(worker)
        return worker

    def stop(self, worker: Runtime) -> None:
        self.running.remove(worker)
        worker.close(2)

    def work_until(self, state: Callable[[], object], *, seconds: float = 20) -> None:
        """Wake all of them, again and again, until `state` is so."""
        deadline = time.monotonic() + seconds
        while not state():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            for worker in self.running:
                worker.run(lambda crew: crew.check(), 5)
                worker.run(lambda crew: crew.deliver(), 30)
            time.sleep(0.1)


@pytest.fixture
def workers(settings: Settings) -> Iterator[Workers]:
    workers = Workers(settings)
    yield workers
    for worker in list(workers.running):
        workers.stop(worker)
