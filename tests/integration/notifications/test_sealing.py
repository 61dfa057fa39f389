"""The secret of a webhook is sealed; if its key is lost, only this webhook fails."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.main import create_app
from app.notifications.webhook import sign
from app.settings import Settings
from tests.integration.notifications.conftest import (
    SECRET,
    Loop,
    add_channel,
    notifications,
    until,
)
from tests.services import query
from tests.sites import Site

KEY, OTHER_KEY = secrets.token_urlsafe(32) + "=", secrets.token_urlsafe(32) + "="
OTHER: dict[str, Any] = {"webhook_key": SecretStr(OTHER_KEY)}
HOOK = {"name": "Hook", "kind": "webhook", "url": "https://example.com/hook"}

Loops = Callable[..., Loop]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_key": SecretStr(KEY)})


@pytest.fixture
def with_another_key(client: TestClient, settings: Settings) -> Iterator[TestClient]:
    """Return the same installation after the key was lost; `client` has stored what is there."""
    with TestClient(create_app(settings.model_copy(update=OTHER))) as other:
        yield other


def stored(database_url: str) -> list[str]:
    rows = query(database_url, "SELECT secret FROM channels WHERE secret IS NOT NULL ORDER BY id")
    return [row["secret"] for row in rows]


def send_test(client: TestClient, channel: dict[str, Any]) -> None:
    assert client.post(f"/api/channels/{channel['id']}/test").status_code == 202


def signed_by(secret: str, hook: Site) -> bool:
    headers, body = hook.posted[-1]
    timestamp = int(headers["webhook-timestamp"])
    return headers["webhook-signature"] == sign(secret, headers["webhook-id"], timestamp, body)


def test_generated_given_and_renewed_secrets_are_sealed(
    client: TestClient, database_url: str
) -> None:
    path = f"/api/channels/{add_channel(client, HOOK['url'])['id']}"
    made = client.post("/api/channels", json=HOOK).json()["secret"]
    given = "another-secret-of-at-least-16"
    client.patch(path, json={"secret": given})
    before = stored(database_url)

    renewed = client.post(f"{path}/secret").json()["secret"]

    assert made.startswith("whsec_") and renewed.startswith("whsec_")
    for value in before + stored(database_url):
        assert value.startswith("sealed:")
        assert not any(secret in value for secret in (SECRET, made, given, renewed))


def test_a_webhook_is_signed_by_its_secret(client: TestClient, hook: Site, loops: Loops) -> None:
    made = client.post("/api/channels", json=HOOK | {"url": hook.url}).json()
    send_test(client, made)

    loops()

    until(lambda: hook.posted)
    assert signed_by(made["secret"], hook)


def test_the_same_secret_again_is_no_change(client: TestClient, database_url: str) -> None:
    created = client.post("/api/channels", json=HOOK | {"secret": SECRET})
    path, before = f"/api/channels/{created.json()['id']}", stored(database_url)

    again = client.put(path, json=HOOK | {"secret": SECRET})

    assert again.headers["ETag"] == created.headers["ETag"]
    assert stored(database_url) == before


def test_with_another_key_only_sealed_webhooks_fail_and_they_say_why(
    client: TestClient, with_another_key: TestClient, hook: Site, loops: Loops
) -> None:
    lost = add_channel(client, hook.url)
    good = add_channel(with_another_key, hook.url, name="Good")
    service = f"json://127.0.0.1:{hook.server.server_port}/"
    others = [good, add_channel(client, service, kind="apprise", name="Service")]
    for channel in [lost, *others]:
        send_test(client, channel)

    loops(**OTHER)

    until(lambda: len(hook.posted) == 2)
    until(lambda: client.get(f"/api/channels/{lost['id']}").json()["failures"] == 1)
    until(lambda: len(notifications(with_another_key, state="sent")) == 2)
    told = {one["channel_id"]: one for one in notifications(with_another_key)}
    assert "the key that sealed it is not in WEBHOOK_KEY" in told[lost["id"]]["last_error"]
    # It is tried again like any other, and goes on by itself when the key is back.
    assert told[lost["id"]]["state"] == "pending"
    assert [told[channel["id"]]["state"] for channel in others] == ["sent", "sent"]


@pytest.mark.parametrize("mend", ["renew", "patch", "apply"])
def test_a_new_secret_repairs_a_webhook_whose_key_is_lost(
    client: TestClient, with_another_key: TestClient, hook: Site, loops: Loops, mend: str
) -> None:
    channel = add_channel(client, hook.url)
    path, secret = f"/api/channels/{channel['id']}", SECRET
    if mend == "renew":
        secret = with_another_key.post(f"{path}/secret").json()["secret"]
    elif mend == "patch":
        assert with_another_key.patch(path, json={"secret": SECRET}).status_code == 200
    else:
        file = with_another_key.get("/api/config").text.replace("'***'", SECRET)
        headers = {"content-type": "application/yaml"}
        applied = with_another_key.put("/api/config", content=file.encode(), headers=headers)
        assert [change["fields"][0]["field"] for change in applied.json()["changes"]] == ["secret"]
    send_test(with_another_key, channel)

    loops(**OTHER)

    until(lambda: hook.posted)
    assert signed_by(secret, hook)


def test_with_another_key_all_else_is_read_and_changed_as_before(
    client: TestClient, with_another_key: TestClient
) -> None:
    path = f"/api/channels/{add_channel(client, HOOK['url'])['id']}"

    assert with_another_key.get("/api/channels").status_code == 200
    assert with_another_key.get("/api/status").status_code == 200
    assert "secret: '***'" in with_another_key.get("/api/config").text
    assert with_another_key.patch(path, json={"name": "Other"}).status_code == 200
    assert with_another_key.delete(path).status_code == 204


def test_a_secret_that_looks_sealed_is_refused(client: TestClient) -> None:
    answer = client.post("/api/channels", json=HOOK | {"secret": "sealed:" + 32 * "x"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "secret"
