"""The three routes, requested with Flask's own test client."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from app.main import create_app


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


def test_the_home_route_says_what_this_is(client: FlaskClient) -> None:
    answer = client.get("/").get_json()

    assert (answer["name"], answer["stage"]) == ("stagewatch", "03")


def test_health_is_ok(client: FlaskClient) -> None:
    answer = client.get("/health")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_time_is_now_in_utc(client: FlaskClient) -> None:
    told = datetime.fromisoformat(client.get("/time").get_json()["time"])

    assert told.utcoffset() == UTC.utcoffset(None)
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60
