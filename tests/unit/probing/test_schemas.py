"""What the request for a probe may contain: strict JSON types, and only storable text."""

import math
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.probing.schemas import HttpSpec, ProbeRequest

URL = "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("json_value", math.nan),
        ("json_value", math.inf),
        ("json_value", -math.inf),
        ("json_value", "\ud800"),
        ("json_value", "a\x00"),
        ("json_value", ["a"]),
        ("keyword", "\ud800"),
        ("body", "a\udfffb"),
        ("url", "http://a.test/\ud800"),
        ("json_path", "$['\ud800']"),
        ("json_path", "$[?@==1e400]"),
        ("headers", {"X": "\ud800"}),
        ("headers", {"\ud800": "x"}),
        ("headers", {"X": 1}),
        ("headers", [["X", "1"]]),
        ("accepted_status_codes", ["\ud800"]),
        ("accepted_status_codes", [True]),
        ("accepted_status_codes", [200.0]),
        ("accepted_status_codes", "200"),
        ("follow_redirects", 1),
        ("follow_redirects", "true"),
        ("verify_tls", "yes"),
        ("certificate_days", "2"),
        ("certificate_days", True),
        ("certificate_days", 2.0),
        ("timeout_seconds", "2"),
        ("timeout_seconds", True),
        ("timeout_seconds", math.nan),
        ("method", "get"),
        ("url", 5),
        ("keyword", 5),
    ],
)
def test_values_of_the_wrong_type_or_not_storable_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        ProbeRequest.model_validate({"url": URL, field: value})


@pytest.mark.parametrize("value", ["ok", 1, 1.5, True, False, None, 0])
def test_a_json_value_keeps_its_type(value: Any) -> None:
    spec = HttpSpec.model_validate({"url": URL, "json_path": "$.a", "json_value": value})

    assert type(spec.json_value) is type(value) and spec.json_value == value
    assert spec.target().json_value == value


def test_whole_seconds_are_a_number_of_seconds() -> None:
    assert ProbeRequest.model_validate({"url": URL, "timeout_seconds": 2}).timeout_seconds == 2


@pytest.mark.parametrize(
    "text",
    [
        '"json_path": "$.a", "json_value": NaN',
        '"json_path": "$.a", "json_value": Infinity',
        '"json_path": "$.a", "json_value": 1e999',
        '"json_path": "$.a", "json_value": "\\ud800"',
        '"json_path": "$[?@==1e400]"',
        '"json_path": "$[\'\\ud800\']"',
        '"keyword": "\\ud800"',
        '"headers": {"\\ud800": "x"}',
        '"headers": {"X-Token": "***"}',
        '"accepted_status_codes": ["\\ud800"]',
        '"certificate_days": false',
    ],
)
def test_an_invalid_probe_request_is_refused_with_its_errors(client: TestClient, text: str) -> None:
    body = f'{{"url": "{URL}", {text}}}'

    answer = client.post("/api/probe", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_the_api_says_that_the_checker_itself_is_at_fault(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("app.probing.http.HttpProtocol", full)

    answer = client.post("/api/probe", json={"url": URL})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["detail"] == "Nothing was checked: the checker has no memory left."
