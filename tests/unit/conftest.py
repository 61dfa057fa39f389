"""Fixtures: the application without a server."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings


@pytest.fixture
def client() -> Iterator[TestClient]:
    settings = Settings(allowed_networks="127.0.0.0/8")  # type: ignore[arg-type]  # read as from the environment
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client
