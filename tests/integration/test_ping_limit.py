"""Which calls /ping/TOKEN accepts, and how many."""

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

JOB = {"name": "Backup", "kind": "heartbeat", "period_seconds": 60}


def ping_path(client: TestClient) -> str:
    return str(client.post("/api/monitors", json=JOB).json()["ping_path"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_heartbeat_may_be_sent_by_any_method(client: TestClient, method: str) -> None:
    path = ping_path(client)

    answer = client.request(method, path)

    assert answer.status_code == 200
    assert client.get("/api/monitors").json()["items"][0]["state"] == "up"


def test_the_rate_limit_applies_to_each_token_separately(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"ping_limit_per_minute": 5}))) as client:
        often, seldom = (ping_path(client) for _ in range(2))

        codes = [
            client.request(method, often).status_code for method in ("GET", "POST", "HEAD") * 2
        ]
        last = client.get(often)

        assert codes == [200] * 5 + [429]
        assert (last.status_code, "Retry-After" in last.headers) == (429, True)
        assert client.get(seldom).status_code == 200


@pytest.mark.parametrize("token", ["x", "%00", "a" * 5000, "%ED%A0%80", "a" * 32])
def test_an_unknown_token_is_not_found(client: TestClient, token: str) -> None:
    assert client.get(f"/ping/{token}").status_code == 404
