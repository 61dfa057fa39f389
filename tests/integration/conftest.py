"""The application on a real database that is empty at the start of each test."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.run import shared_server
from tests.services import create_database, query
from tests.sites import Site, new_site

# All of the application's tables.
EMPTY_TABLES = """
    DO $$
    BEGIN
        EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ')
                || ' RESTART IDENTITY CASCADE'
            FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
              AND relname <> 'alembic_version');
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


@pytest.fixture
def site() -> Iterator[Site]:
    with new_site() as site:
        yield site
