"""/api/config does the same as the commands, for scripts on other machines."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.body_limit import LARGER
from tests.integration.config_file.conftest import CONFIG, everything

YAML = {"content-type": "application/yaml"}
DIFFERENT = CONFIG.replace("interval_seconds: 30", "interval_seconds: 15").replace("t0ken", "other")


def put(client: TestClient, file: str, **query: Any) -> Any:
    return client.put("/api/config", content=file.encode(), headers=YAML, params=query)


def diff(client: TestClient, file: str, **query: Any) -> Any:
    return client.post("/api/config/diff", content=file.encode(), headers=YAML, params=query)


def test_a_file_is_applied_and_exported_without_its_secrets(client: TestClient) -> None:
    applied = put(client, CONFIG)
    exported = client.get("/api/config")

    assert applied.status_code == 200, applied.text
    assert [change["action"] for change in applied.json()["changes"]] == ["add"] * 8
    assert exported.headers["content-type"].startswith("application/yaml")
    assert "slack://***" in exported.text
    assert not any(secret in exported.text for secret in ("TokenA", "t0ken", "a-secret"))
    assert put(client, exported.text, prune=True).json() == {"changes": [], "kept": []}


def test_no_query_brings_the_secrets_out(client: TestClient) -> None:
    put(client, CONFIG)

    exported = client.get("/api/config", params={"secrets": True})

    assert "t0ken" not in exported.text


def test_a_diff_says_what_applying_does(client: TestClient, database_url: str) -> None:
    put(client, CONFIG)
    before = everything(database_url)

    asked = diff(client, DIFFERENT)
    untouched = everything(database_url)
    applied = put(client, DIFFERENT)

    assert asked.status_code == 200, asked.text
    assert untouched == before
    assert asked.json() == applied.json()
    [change] = asked.json()["changes"]
    assert change == {
        "action": "change",
        "what": "monitor",
        "name": "Shop",
        "kind": "http",
        "fields": [
            {"field": "headers.X-Token", "before": "***", "after": "***"},
            {"field": "interval_seconds", "before": 30, "after": 15},
        ],
    }


def test_kept_objects_are_listed_and_prune_deletes_them(client: TestClient) -> None:
    put(client, CONFIG)
    file = "version: 1\nmonitors: []\n"

    kept = put(client, file).json()
    pruned = put(client, file, prune=True).json()

    assert kept["changes"] == []
    assert kept["kept"][0] == {"what": "monitor", "name": "Shop"}
    assert [change["action"] for change in pruned["changes"]] == ["delete"] * 4
    assert pruned["kept"] == []
    assert client.get("/api/monitors").json()["items"] == []


@pytest.mark.parametrize("ask", [put, diff])
def test_errors_are_problem_details_with_line_and_field(client: TestClient, ask: Any) -> None:
    file = CONFIG.replace("port: 5432", "prt: 5432").replace("interval_seconds: 30", "timeout: 1")

    answer = ask(client, file)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    faults = answer.json()["errors"]
    assert [(fault["line"], fault["field"]) for fault in faults] == [
        (17, "monitors.0.timeout"),
        (23, "monitors.1.port"),
        (26, "monitors.1.prt"),
    ]
    assert faults[2]["detail"] == "there is no such field; did you mean port?"
    assert client.get("/api/monitors").json()["items"] == []


def test_json_is_yaml(client: TestClient) -> None:
    answer = client.put("/api/config", json={"version": 1, "monitors": []})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("media_type", ["text/plain", "text/yaml", "multipart/form-data", None])
def test_content_types_that_another_site_could_send_are_refused(
    client: TestClient, media_type: str | None
) -> None:
    headers = {"content-type": media_type} if media_type else {}

    answer = client.put("/api/config", content=CONFIG.encode(), headers=headers)

    assert answer.status_code == 415
    assert "application/yaml" in answer.json()["detail"]


def test_other_routes_refuse_yaml(client: TestClient) -> None:
    answer = client.post("/api/monitors", content=b"name: a", headers=YAML)

    assert answer.status_code == 415


def test_a_file_that_is_too_long_is_refused(client: TestClient) -> None:
    answer = put(client, "#" * (LARGER["/api/config"] + 1))

    assert answer.status_code == 413


def test_a_change_is_seen_in_the_next_summary(client: TestClient) -> None:
    assert client.get("/api/status").json()["monitors"] == []

    put(client, CONFIG)

    names = {monitor["name"] for monitor in client.get("/api/status").json()["monitors"]}
    assert names == {"Shop", "DB", "Mail", "Backup"}
