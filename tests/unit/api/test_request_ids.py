"""The id of a request."""

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings


def test_the_id_sent_by_a_client_is_returned(client: TestClient) -> None:
    answer = client.get("/time", headers={"X-Request-ID": "a-request.of_mine-1"})

    assert answer.headers["x-request-id"] == "a-request.of_mine-1"


@pytest.mark.parametrize("given", ["short", "x" * 65, "two words", 'quote"mark', "ümlaut-umlaut"])
def test_an_id_that_would_spoil_a_log_is_replaced(client: TestClient, given: str) -> None:
    answer = client.get("/time", headers={b"X-Request-ID": given.encode()})

    assert len(answer.headers["x-request-id"]) == 32


def test_requests_without_an_id_get_different_ones(client: TestClient) -> None:
    ids = {client.get("/time").headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


def test_a_request_for_another_host_has_an_id(client: TestClient) -> None:
    answer = client.get("/", headers={"Host": "elsewhere.example"})

    assert answer.status_code == 421
    assert answer.headers["x-request-id"]


def test_an_internal_error_has_the_id_too() -> None:
    app = create_app(Settings())

    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError("a bug")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/bug", headers={"X-Request-ID": "find-me-again"})

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "find-me-again"
