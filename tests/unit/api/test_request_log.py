"""The log line of a request, and its id."""

import logging

import pytest
from fastapi.testclient import TestClient

from app.api.private_paths import shown
from app.main import create_app
from app.settings import Settings


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.api.request_log")


def requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "app.api.request_log"]


def test_a_request_is_one_line_with_method_route_status_and_client(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/time?key=secret")

    (record,) = requests(caplog)
    assert record.getMessage() == "GET /time 200"
    facts = {name: getattr(record, name) for name in ("method", "route", "status", "client")}
    assert facts == {"method": "GET", "route": "/time", "status": 200, "client": "testclient"}


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


def test_the_token_of_a_heartbeat_is_not_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/ping/" + "t" * 32)

    (record,) = requests(caplog)
    assert "ttt" not in record.getMessage()
    assert "ttt" not in str(record.__dict__)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/x?token=secret", "/api/x"),
        ("/ping/secret", "/ping/…"),
        ("/unsubscribe/secret", "/unsubscribe/…"),
        ("/ping/secret?x=/ping/secret", "/ping/…"),
        ("//ping//secret/", "//ping//…"),
        ("/PING/secret", "/PING/…"),
        ("/ping/a\nsecret", "/ping/…"),
    ],
)
def test_a_path_is_shown_without_query_and_without_token(path: str, expected: str) -> None:
    assert shown(path) == expected


def test_a_request_for_another_host_is_logged_and_has_an_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/", headers={"Host": "elsewhere.example"})

    (record,) = requests(caplog)
    assert (answer.status_code, record.__dict__["status"]) == (421, 421)
    assert answer.headers["x-request-id"]


def test_an_internal_error_names_the_id_to_search_for(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(access_log=False))

    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError("a bug")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/bug", headers={"X-Request-ID": "find-me-again"})

    (record,) = requests(caplog)
    assert (record.levelname, record.__dict__["status"]) == ("ERROR", 500)
    assert answer.headers["x-request-id"] == "find-me-again"
    assert "find-me-again" in answer.json()["detail"]


def test_with_a_proxy_that_logs_only_errors_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(create_app(Settings(access_log=False))) as client:
        client.get("/time")

    assert requests(caplog) == []
