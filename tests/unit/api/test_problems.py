"""All errors are problem details that name the field."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.api import problems
from app.errors import (
    ConflictError,
    DomainError,
    InvalidFieldError,
    NotFoundError,
    PreconditionFailedError,
)

JSON = {"content-type": "application/json"}


def test_an_unknown_path_gets_problem_details(client: TestClient) -> None:
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


def test_a_body_that_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post("/api/probe", content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 422


def test_json_without_a_content_type_is_refused_with_a_hint(client: TestClient) -> None:
    answer = client.post("/api/probe", content=b'{"url": "http://example.com/"}')

    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_a_body_over_64_kib_is_refused(client: TestClient) -> None:
    answer = client.post("/api/probe", json={"url": "http://example.com/", "body": "x" * 65536})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_grows_over_64_kib_without_saying_so_is_refused(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 8192

    answer = client.post("/api/probe", content=pieces(), headers=JSON)

    assert answer.status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_page_can_not_send_a_form_or_plain_text(client: TestClient, media_type: str) -> None:
    answer = client.post("/api/probe", content=b"{}", headers={"content-type": media_type})

    assert answer.status_code == 415


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/a+json"])
def test_json_content_types_with_parameters_or_suffixes_are_accepted(
    client: TestClient, media_type: str
) -> None:
    answer = client.post("/api/probe", content=b"{}", headers={"content-type": media_type})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"url": "http://\xff/"}',
        b'{"url": ' + b"9" * 5000 + b"}",
        b'{"url": "\\ud800"}',
        b'{"url": "http://a/", "\\ud800": 1}',
        b'{"url": "http://a/", "headers": {"\\ud800": "a"}}',
        b'{"url": "http://a/", "headers": {"a": "\\ud800"}}',
        b'{"url": "http://a/", "body": "\\ud800"}',
        b'{"url": "http://a/", "keyword": "\\udfff"}',
        b'{"url": "http://a/", "method": "\\ud800"}',
        b'{"url": "http://a/", "accepted_status_codes": ["\\ud800"]}',
        b'{"url": "http://a/", "json_path": "$[\'\\ud800\']"}',
        b'{"url": "http://a/", "json_path": "$[?@==1e400]"}',
        b'{"url": "http://a/", "json_path": "$", "json_value": NaN}',
        b'{"url": "http://a/", "json_path": "$", "json_value": 1e999}',
        b'{"url": "http://a/", "json_path": "$", "json_value": -Infinity}',
        b'{"url": "http://a/", "json_path": "$", "json_value": ' + b"9" * 4000 + b"}",
        b'{"url": "http://a/", "timeout_seconds": NaN}',
        b'{"url": "http://a/", "certificate_days": 1e999}',
        b"null",
        b"",
    ],
)
def test_json_that_python_reads_but_no_client_should_send_is_refused(
    client: TestClient, body: bytes
) -> None:
    answer = client.post("/api/probe", content=body, headers=JSON)

    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "field",
    [
        {"timeout_seconds": "2"},
        {"timeout_seconds": False},
        {"certificate_days": "7"},
        {"certificate_days": True},
        {"certificate_days": 7.0},
        {"follow_redirects": "false"},
        {"follow_redirects": 0},
        {"keyword": 5},
        {"accepted_status_codes": [True]},
    ],
)
def test_a_value_of_another_type_is_not_guessed_at(
    client: TestClient, field: dict[str, object]
) -> None:
    answer = client.post("/api/probe", json={"url": "http://example.com/"} | field)

    assert answer.status_code == 422


def test_thousands_of_wrong_fields_are_answered_with_the_first_twenty(client: TestClient) -> None:
    wrong = {f"field{number}": number for number in range(3000)}

    answer = client.post("/api/probe", json={"url": "http://example.com/"} | wrong)

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("and 2980 more")
    assert len(answer.content) < 8192


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("There is no monitor 1."), 404),
        (ConflictError("It is paused."), 409),
        (PreconditionFailedError("It has changed."), 412),
        (InvalidFieldError("kind", "it is fixed"), 422),
    ],
)
def test_an_error_of_the_domain_has_its_status(error: DomainError, status: int) -> None:
    class Special(type(error)):  # type: ignore[misc]  # a subclass, as the domain makes them
        pass

    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        error.__class__ = Special
        raise error

    answer = TestClient(app).get("/")

    assert answer.status_code == status
    assert answer.json()["detail"] == str(error)
