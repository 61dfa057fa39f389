"""POST /api/probe: the responses that a client of the API gets."""

import socket
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.targets import Targets


@pytest.fixture
def client() -> Iterator[TestClient]:
    settings = Settings(allowed_networks="127.0.0.0/8")  # type: ignore[arg-type]  # read as from the environment
    with TestClient(create_app(settings)) as client:
        yield client


def test_a_probe_tells_status_and_timings(client: TestClient, targets: Targets) -> None:
    answer = client.post("/api/probe", json={"url": targets.url(), "keyword": "well"})

    result = answer.json()
    assert (answer.status_code, result["ok"], result["status_code"]) == (200, True, 200)
    assert result["error"] is None
    assert result["latency_ms"] == result["timings"]["total_ms"]
    assert set(result["timings"]) == {
        "dns_ms",
        "connect_ms",
        "tls_ms",
        "first_byte_ms",
        "total_ms",
    }


def test_a_probe_that_fails_is_a_result_not_an_error(client: TestClient, targets: Targets) -> None:
    url = f"http://127.0.0.1:{targets.ports['refused']}/"

    answer = client.post("/api/probe", json={"url": url})

    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["error"]) == (False, "connection refused")


def test_an_address_that_is_not_allowed_is_refused_in_the_result(client: TestClient) -> None:
    answer = client.post("/api/probe", json={"url": "http://169.254.169.254/latest"})

    assert answer.json()["error"].startswith("address refused: 169.254.169.254 is a link-local")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://user:secret@a.test/"}, "url"),
        ({"accepted_status_codes": ["999"]}, "accepted_status_codes"),
        ({"json_path": "$..a"}, "json_path"),
        ({"headers": {"Content-Length": "1"}}, "headers"),
        ({"keyword_absent": True}, "keyword_absent"),
        ({"certificate_days": 7, "verify_tls": False}, "certificate_days"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(
    client: TestClient, change: dict[str, object], field: str
) -> None:
    asked = {"url": "http://a.test/", "keyword": None, "verify_tls": True} | change

    answer = client.post("/api/probe", json=asked)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_checker_fault_is_answered_with_503_and_no_result(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_MEMORY, "out of memory")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    answer = client.post("/api/probe", json={"url": "http://good.test/"})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Nothing was probed: the checker is out of memory."
