"""The application on a real database that is empty at the start of each test."""

import shutil
from collections.abc import Iterator
from threading import Thread

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from app.main import create_app
from app.settings import Settings
from tests.conftest import engine_answers
from tests.services import migrate, postgres, query, redis
from tests.sites import Site

TABLES = "monitors, states, checks"


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
    site = Site()
    with site.server:
        thread = Thread(target=site.server.serve_forever)
        thread.start()
        yield site
        site.server.shutdown()
        thread.join()
