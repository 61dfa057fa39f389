"""Channels over the API: validation, output and changes."""

from base64 import b64decode
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.notifications.conftest import SECRET, add_channel

HOOK = {"name": "Hook", "kind": "webhook", "url": "https://example.com/hook"}
MAIL = {"name": "Mail", "kind": "apprise", "url": "mailto://user:password@example.com"}


def fields(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["field"] for error in answer.json()["errors"]}


def test_a_generated_secret_is_shown_once(client: TestClient) -> None:
    made = client.post("/api/channels", json=HOOK).json()
    path = f"/api/channels/{made['id']}"

    assert len(b64decode(made["secret"].removeprefix("whsec_"))) == 24
    assert client.get(path).json()["secret"] is None
    assert client.patch(path, json={"name": "Other"}).json()["secret"] is None
    given = client.post("/api/channels", json=HOOK | {"secret": SECRET}).json()
    assert given["secret"] is None


def test_a_new_secret_is_made_when_asked_for(client: TestClient) -> None:
    made = client.post("/api/channels", json=HOOK).json()

    renewed = client.post(f"/api/channels/{made['id']}/secret").json()

    assert renewed["secret"].startswith("whsec_")
    assert renewed["secret"] != made["secret"]
    mail = client.post("/api/channels", json=MAIL).json()
    assert client.post(f"/api/channels/{mail['id']}/secret").status_code == 409


def test_passwords_in_the_url_of_a_service_are_not_shown(client: TestClient) -> None:
    made = client.post("/api/channels", json=MAIL).json()

    assert made["url"] == "mailto://…"
    assert "password" not in client.get("/api/channels").text


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (MAIL, {"kind": "webhook"}),
        (MAIL, {"kind": "webhook", "url": "https://example.com/", "secret": SECRET}),
        (HOOK, {"kind": "apprise"}),
        (HOOK, {"kind": "apprise", "url": "json://example.com"}),
    ],
)
def test_a_channel_keeps_its_kind_and_hides_its_url(
    client: TestClient, before: dict[str, Any], changes: dict[str, Any]
) -> None:
    path = f"/api/channels/{client.post('/api/channels', json=before).json()['id']}"

    patched = client.patch(path, json=changes)
    replaced = client.put(path, json=before | changes)

    assert fields(patched) == {"kind"}
    assert "password" not in patched.text
    assert replaced.status_code == 422
    assert client.get(path).json()["kind"] == before["kind"]


def test_another_url_needs_its_secret_again(client: TestClient) -> None:
    path = f"/api/channels/{add_channel(client, HOOK['url'])['id']}"
    moved = {"url": "https://example.org/hook"}

    assert fields(client.patch(path, json=moved)) == {"secret"}
    assert fields(client.put(path, json=HOOK | moved)) == {"secret"}
    assert client.get(path).json()["url"] == HOOK["url"]
    assert client.patch(path, json=moved | {"secret": SECRET}).status_code == 200
    assert client.put(path, json=HOOK | moved | {"name": "Same URL"}).status_code == 200


def test_two_editors_do_not_overwrite_each_other(client: TestClient) -> None:
    created = client.post("/api/channels", json=HOOK)
    path = f"/api/channels/{created.json()['id']}"
    first = {"If-Match": created.headers["ETag"]}

    changed = client.patch(path, json={"name": "Mine"}, headers=first)

    assert changed.status_code == 200
    assert changed.headers["ETag"] == client.get(path).headers["ETag"] != created.headers["ETag"]
    assert client.patch(path, json={"name": "Theirs"}, headers=first).status_code == 412
    assert client.put(path, json=HOOK, headers=first).status_code == 412
    assert client.delete(path, headers=first).status_code == 412
    assert client.get(path).json()["name"] == "Mine"
    assert client.delete(path, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    assert client.get(path).status_code == 404


def test_an_equal_configuration_is_no_change(client: TestClient) -> None:
    created = client.post("/api/channels", json=HOOK)

    again = client.put(f"/api/channels/{created.json()['id']}", json=HOOK)

    assert again.headers["ETag"] == created.headers["ETag"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "http://user:secret@example.com/"}, "url"),
        ({"kind": "apprise", "url": "nonsense://x"}, "url"),
        ({"kind": "apprise", "url": "syslog://"}, "url"),
        ({"kind": "apprise", "url": "rsyslog://10.0.0.5"}, "url"),
        ({"kind": "apprise", "url": "json://a.example.com, json://b.example.com"}, "url"),
        ({"kind": "apprise", "url": "json://example.com", "secret": SECRET}, "secret"),
        ({"secret": "short"}, "secret"),
        ({"secret": " " * 16}, "secret"),
        ({"secret": 1234567890123456}, "secret"),
        ({"secret": "whsec_this-is-no-base64"}, "secret"),
        ({"secret": "whsec_AAAAAAAAAAAA"}, "secret"),
        ({"name": "x" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_channel_is_refused_and_not_stored(
    client: TestClient, config: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/channels", json=HOOK | config)

    assert field in fields(answer)
    assert client.get("/api/channels").json()["items"] == []
