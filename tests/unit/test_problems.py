"""Whatever goes wrong is answered with problem details that name the field."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient


def test_a_path_that_is_not_there_is_a_problem(client: TestClient) -> None:
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://user:secret@example.com/"}, "url"),
        ({"url": "http://example.com:65536/"}, "url"),
        ({"url": "http://exa mple.com/"}, "url"),
        ({"url": "http://example.com/", "method": "BREW"}, "method"),
        (
            {"url": "http://example.com/", "accepted_status_codes": ["299-200"]},
            "accepted_status_codes",
        ),
        ({"url": "http://example.com/", "json_path": "$..a"}, "json_path"),
        ({"url": "http://example.com/", "headers": {"X-A": "a\r\nX-B: b"}}, "headers"),
        ({"url": "http://example.com/", "timeout_seconds": 0}, "timeout_seconds"),
        ({"url": "http://example.com/", "timeout_seconds": 61}, "timeout_seconds"),
        ({"url": "http://example.com/", "colour": "red"}, "colour"),
        ({"url": "http://example.com/", "keyword": "a\x00b"}, "keyword"),
    ],
)
def test_a_bad_field_is_named(client: TestClient, body: dict[str, object], field: str) -> None:
    answer = client.post("/api/probe", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


def test_what_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post("/api/probe", content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 422


def test_json_that_is_not_said_to_be_json_is_refused_with_a_hint(client: TestClient) -> None:
    answer = client.post("/api/probe", content=b'{"url": "http://example.com/"}')

    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_a_body_over_64_kib_is_refused(client: TestClient) -> None:
    answer = client.post("/api/probe", json={"url": "http://example.com/", "body": "x" * 65536})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_grows_over_64_kib_without_saying_so_is_refused(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 8192

    assert client.post("/api/probe", content=pieces()).status_code == 413
