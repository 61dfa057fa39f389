"""What is public where keys are required: states, but no configuration."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api import event_stream
from app.incidents.public import PUBLIC_CAUSE
from app.probing.result import Result, Timings
from app.settings import Settings
from tests.integration.checks.support import add, claimed, completed, execute, recorded
from tests.integration.events.streams import EventClient, running, streaming
from tests.integration.keys.conftest import Keys
from tests.services import query
from tests.unit.incidents.reasons import REASONS

# Must never be shown without a key: in a URL, a header, an error and a note.
SECRETS = ("hunter2", "db.lan", "Hopper")
ERROR = 'JSON path $.db.lan is "hunter2", not "ok" (redirected to http://db.lan/?key=hunter2)'
LEAKING = Result(False, 3.0, Timings(total_ms=3.0), 200, ERROR)


@pytest.fixture
def failing(settings: Settings, client: TestClient, database_url: str) -> int:
    """Return a monitor that is down and has secrets in every possible field."""
    number = add(
        client,
        url="http://db.lan/?key=hunter2",
        headers={"Authorization": "hunter2"},
        confirmations=1,
    )
    [claim] = claimed(settings)
    recorded(settings, completed(claim, LEAKING))
    [incident] = client.get("/api/incidents").json()["items"]
    client.post(f"/api/incidents/{incident['id']}/acknowledge", json={"by": "Hopper"})
    return number


PAGES = [
    "/",
    "/ready",
    "/openapi.json",
    "/api/status",
    "/api/status/history?ids={id}",
    "/api/incidents",
    "/api/incidents?monitor_id={id}",
    "/api/monitors/{id}/checks",
    "/api/monitors/{id}/latency",
    "/api/badge/{id}.svg",
    "/feed.atom",
    "/feed.atom?monitor_id={id}",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_public_answer_has_no_secret_in_it(guarded: TestClient, failing: int, page: str) -> None:
    answer = guarded.get(page.format(id=failing))

    assert answer.status_code == 200
    assert [secret for secret in SECRETS if secret in answer.text] == []


def test_the_public_sees_only_the_kind_of_failure(guarded: TestClient, failing: int) -> None:
    said = "the answer is not as expected"

    assert guarded.get("/api/status").json()["incidents"][0]["cause"] == said
    assert guarded.get("/api/incidents").json()["items"][0]["cause"] == said
    assert guarded.get(f"/api/monitors/{failing}/checks").json()["items"][0]["error"] == said
    assert said in guarded.get("/feed.atom").text


def test_a_key_holder_sees_every_detail(guarded: TestClient, failing: int, keys: Keys) -> None:
    [incident] = guarded.get("/api/incidents", headers=keys.read).json()["items"]
    [check] = guarded.get(f"/api/monitors/{failing}/checks", headers=keys.read).json()["items"]

    assert (incident["cause"], incident["acknowledged_by"]) == (ERROR, "Hopper")
    assert check["error"] == ERROR


def test_without_required_keys_every_detail_is_public(client: TestClient, failing: int) -> None:
    assert client.get("/api/status").json()["incidents"][0]["cause"] == ERROR
    assert client.get(f"/api/monitors/{failing}/checks").json()["items"][0]["error"] == ERROR
    assert "hunter2" in client.get("/feed.atom").text


def test_a_shared_answer_is_the_same_for_all(guarded: TestClient, failing: int, keys: Keys) -> None:
    for page in ("/api/status", "/feed.atom"):
        assert guarded.get(page, headers=keys.write).content == guarded.get(page).content


def test_sql_and_python_give_the_same_public_reasons(database_url: str) -> None:
    reasons = json.dumps(list(REASONS)).replace("'", "''")

    rows = query(
        database_url,
        f"SELECT cause, {PUBLIC_CAUSE} AS said "
        f"FROM jsonb_array_elements_text('{reasons}') AS cause",
    )

    assert {found["cause"]: found["said"] for found in rows} == REASONS


@contextmanager
def stream(port: int, headers: dict[str, str], number: int) -> Iterator[EventClient]:
    with streaming(port, f"?monitor_id={number}", headers=headers) as client:
        client.next("resync")
        yield client


def test_live_events_hide_the_details_from_the_public_too(
    guarded_settings: Settings, client: TestClient, keys: Keys
) -> None:
    number = add(client, confirmations=1)
    seen: dict[str, dict[str, Any]] = {}

    with (
        running(guarded_settings) as (_, port),
        stream(port, keys.none, number) as public,
        stream(port, keys.read, number) as known,
    ):
        [claim] = claimed(guarded_settings)
        recorded(guarded_settings, completed(claim, LEAKING))
        for name, reader in (("public", public), ("known", known)):
            events = [reader.next("state", "incident", "check") for _ in range(3)]
            seen[name] = {kind: data.get("error") or data.get("cause") for kind, data in events}

    assert set(seen["public"].values()) == {"the answer is not as expected"}
    assert set(seen["known"].values()) == {ERROR}
    assert set(seen["public"]) == set(seen["known"]) == {"state", "incident", "check"}


def test_a_live_page_ends_with_its_key(
    guarded_settings: Settings,
    client: TestClient,
    keys: Keys,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "ASK_SECONDS", 0.1)
    number = add(client)

    with running(guarded_settings) as (_, port), stream(port, keys.read, number) as known:
        execute(database_url, "UPDATE api_keys SET revoked_at = now()")

        assert known.ended()
