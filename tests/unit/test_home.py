"""The root, health and time routes."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app import STAGE, __version__


def test_the_home_route_says_what_this_is_and_where_to_go_on(client: TestClient) -> None:
    answer = client.get("/").json()

    assert (answer["name"], answer["version"], answer["stage"]) == (
        "stagewatch",
        __version__,
        STAGE,
    )
    for link in ("docs", "openapi", "health", "time"):
        assert client.get(answer["links"][link]).status_code == 200


def test_health_is_ok(client: TestClient) -> None:
    answer = client.get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_time_is_now_in_utc(client: TestClient) -> None:
    told = datetime.fromisoformat(client.get("/time").json()["time"])

    assert told.utcoffset() == UTC.utcoffset(None)
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60


def test_the_version_ends_in_the_stage() -> None:
    assert __version__ == f"0.{int(STAGE)}.0"


@pytest.mark.parametrize("path", ["/", "/health", "/time", "/openapi.json"])
def test_head_is_answered_like_get_without_the_body(client: TestClient, path: str) -> None:
    answer = client.head(path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
