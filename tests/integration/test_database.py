"""Migrations, and a database that is not there."""

import socket
from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.services import migrate, query


def test_the_migrations_make_what_the_models_say(migrated_database: str) -> None:
    assert "No new upgrade operations" in migrate(migrated_database, "check")


def test_migrating_again_and_at_once_changes_nothing(migrated_database: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [migrated_database] * 2))

    assert len(query(migrated_database, "SELECT * FROM alembic_version")) == 1


def test_without_a_database_it_is_alive_but_not_ready_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    settings = Settings(database_url=f"postgresql://nobody:nothing@127.0.0.1:{port}/nothing")

    with TestClient(create_app(settings)) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        answer = client.get("/api/monitors")

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert "nothing" not in answer.text
