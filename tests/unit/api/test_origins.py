"""Requests meant for another host, or sent by another site's page."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

PROBE = {"url": "http://192.0.2.1/"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(allowed_hosts=("localhost", "api")))) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "api:8000", "localhost.", "127.0.0.1:8000", "[::1]:8000",
     "[::1]", "192.168.7.7:8080"],
)  # fmt: skip  # one a line would be longer, not clearer
def test_requests_for_its_names_and_addresses_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["127.1.evil", "evil.example", "localhost.evil.example", "evil.example:8000", "", "api:x",
     "[::1", "localhost@evil.example", "evil.example/localhost"],
)  # fmt: skip  # one a line would be longer, not clearer
def test_a_name_that_was_rebound_to_this_machine_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/health", headers={"host": host})

    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


def test_any_host_is_accepted_with_a_wildcard() -> None:
    client = TestClient(create_app(Settings(allowed_hosts=("*",))))

    assert client.get("/health", headers={"host": "any.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
    ],
)
def test_a_page_of_another_site_changes_nothing(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.post("/api/probe", json=PROBE, headers={"host": "localhost:8000"} | headers)

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"},
        {"sec-fetch-site": "none"},
        {"origin": "http://localhost:8000"},
        {"origin": "https://LOCALHOST:8000"},
    ],
)
def test_programs_and_pages_of_the_same_origin_may_send_requests(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.post("/api/probe", json={}, headers={"host": "localhost:8000"} | headers)

    assert answer.status_code == 422


def test_a_page_of_another_site_may_link_here(client: TestClient) -> None:
    headers = {"host": "localhost", "sec-fetch-site": "cross-site"}

    assert client.get("/health", headers=headers).status_code == 200
