"""Outages: one incident, one notification when it opens, one when it closes."""

import json
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from hmac import digest
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.integration.conftest import Workers
from tests.services import query
from tests.sites import Site, new_site
from worker.delivery import MAX_ATTEMPTS
from worker.runtime import Runtime

SECRET = "a-secret-of-at-least-16"


def add_monitor(client: TestClient, site: Site, **config: Any) -> dict[str, Any]:
    body = {"name": "Site", "kind": "http", "url": site.url, "interval_seconds": 5}
    created: dict[str, Any] = client.post("/api/monitors", json=body | config).json()
    return created


def add_channel(client: TestClient, url: str, **config: Any) -> dict[str, Any]:
    body = {"name": "Hook", "kind": "webhook", "url": url, "secret": SECRET} | config
    answer = client.post("/api/channels", json=body)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def incidents(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/incidents", params=params).json()["items"]
    return found


def notifications(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    page = client.get("/api/notifications", params=params).json()
    found: list[dict[str, Any]] = page["items"]
    return found


def deliver(worker: Runtime) -> None:
    worker.run(lambda crew: crew.deliver(), 60)


@pytest.fixture
def hook() -> Iterator[Site]:
    """Where webhooks arrive."""
    with new_site() as hook:
        yield hook


def test_an_outage_opens_one_incident_and_tells_once_and_its_end_closes_it_and_tells_once(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=2)
    workers.start()
    workers.start()
    workers.work_until(lambda: client.get("/api/status").json()["state"] == "up")

    site.status = 503
    workers.work_until(lambda: hook.posted)
    calls = site.calls
    workers.work_until(lambda: site.calls >= calls + 1)
    [incident] = incidents(client, state="open")
    assert incident["monitor_id"] == monitor["id"]
    assert incident["cause"].startswith("status 503")
    assert client.get("/api/status").json()["state"] == "down"

    site.status = 200
    workers.work_until(lambda: len(hook.posted) == 2)
    calls = site.calls
    workers.work_until(lambda: site.calls >= calls + 1)

    assert incidents(client, state="open") == []
    [closed] = incidents(client, state="closed")
    assert closed["id"] == incident["id"]
    events = [json.loads(body)["event"] for _, body in hook.posted]
    assert events == ["incident.opened", "incident.closed"]
    assert {each["state"] for each in notifications(client)} == {"sent"}


def test_a_webhook_is_signed_and_says_what_happened(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503

    client.post(f"/api/monitors/{monitor['id']}/check")
    deliver(workers.start())

    [(headers, body)] = hook.posted
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = b64encode(digest(SECRET.encode(), signed, sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(body)
    assert told["monitor"] == {"id": monitor["id"], "name": "Site", "kind": "http"}
    assert told["incident"]["cause"].startswith("status 503")
    assert told["incident"]["closed_at"] is None


def test_one_lost_packet_wakes_nobody(client: TestClient, site: Site, workers: Workers) -> None:
    monitor = add_monitor(client, site, confirmations=2)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")
    site.status = 200
    client.post(f"/api/monitors/{monitor['id']}/check")

    assert incidents(client) == []


def test_a_failed_delivery_is_tried_again_and_ends_as_a_dead_letter_that_can_be_replayed(
    client: TestClient, site: Site, hook: Site, workers: Workers, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    hook.status = 500
    assert client.post(f"/api/channels/{channel['id']}/test").status_code == 202
    worker = workers.start()

    deliver(worker)
    [notification] = notifications(client)
    assert (notification["state"], notification["attempts"]) == ("pending", 1)
    assert notification["last_error"] == "status 500"
    deliver(worker)
    assert len(hook.posted) == 1, "it waits before it tries again"

    for _ in range(MAX_ATTEMPTS - 1):
        query(database_url, "UPDATE notifications SET next_attempt_at = now() RETURNING 1")
        deliver(worker)
    [dead] = notifications(client, state="dead")
    assert dead["attempts"] == MAX_ATTEMPTS == len(hook.posted)

    hook.status = 200
    answer = client.post(f"/api/notifications/{dead['id']}/replay")
    assert answer.json()["state"] == "pending"
    deliver(worker)
    [sent] = notifications(client)
    assert (sent["state"], sent["last_error"]) == ("sent", None)
    assert client.post(f"/api/notifications/{dead['id']}/replay").status_code == 409


def test_a_worker_killed_while_it_sends_leaves_the_notification_to_another(
    client: TestClient, hook: Site, workers: Workers, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    client.post(f"/api/channels/{channel['id']}/test")
    # As a killed worker leaves it: claimed, and its lease over by now.
    query(database_url, "UPDATE notifications SET attempts = 1 RETURNING 1")

    deliver(workers.start())

    [sent] = notifications(client)
    assert (sent["state"], sent["attempts"]) == ("sent", 2)


def test_the_end_of_an_outage_is_not_told_before_its_beginning(
    client: TestClient, site: Site, hook: Site, workers: Workers, database_url: str
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=1)
    hook.status = 500
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")
    worker = workers.start()
    deliver(worker)
    site.status = 200
    client.post(f"/api/monitors/{monitor['id']}/check")
    hook.status = 200

    deliver(worker)
    assert len(hook.posted) == 1, "the end waits for the beginning, which waits for its time"
    query(database_url, "UPDATE notifications SET next_attempt_at = now() RETURNING 1")
    deliver(worker)
    deliver(worker)

    events = [json.loads(body)["event"] for _, body in hook.posted]
    assert events == ["incident.opened", "incident.opened", "incident.closed"]


def test_two_workers_send_each_notification_once(
    client: TestClient, hook: Site, workers: Workers
) -> None:
    channel = add_channel(client, hook.url)
    for _ in range(30):
        client.post(f"/api/channels/{channel['id']}/test")
    workers.start()
    workers.start()

    workers.work_until(lambda: len(notifications(client, state="sent")) == 30)

    assert len({headers["webhook-id"] for headers, _ in hook.posted}) == len(hook.posted) == 30


def test_a_monitor_may_name_its_channels(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    add_channel(client, hook.url)
    chosen = add_channel(client, hook.url, name="Chosen")
    monitor = add_monitor(client, site, confirmations=1, channel_ids=[chosen["id"]])
    site.status = 503

    client.post(f"/api/monitors/{monitor['id']}/check")

    assert [each["channel_id"] for each in notifications(client)] == [chosen["id"]]


def test_an_acknowledgement_stays_with_who_was_first(client: TestClient, site: Site) -> None:
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")
    [incident] = incidents(client)
    path = f"/api/incidents/{incident['id']}/acknowledge"

    first = client.post(path, json={"by": "Ada"}).json()
    second = client.post(path, json={"by": "Grace"}).json()

    assert first["acknowledged_by"] == "Ada"
    assert second == first
    assert client.post("/api/incidents/999/acknowledge").status_code == 404


def test_pausing_ends_the_incident_and_tells_nobody(client: TestClient, site: Site) -> None:
    add_channel(client, site.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")

    client.post(f"/api/monitors/{monitor['id']}/pause")

    assert incidents(client, state="open") == []
    assert [each["event"] for each in notifications(client)] == ["incident.opened"]


def test_a_webhook_to_a_network_that_is_not_allowed_is_refused(
    client: TestClient, settings: Settings
) -> None:
    channel = add_channel(client, "http://10.0.0.1/hook")
    client.post(f"/api/channels/{channel['id']}/test")
    worker = Runtime(settings, on_notifications=lambda: None)
    try:
        deliver(worker)
    finally:
        worker.close(1)

    assert "10.0.0.1" in notifications(client)[0]["last_error"]


def test_apprise_sends_where_it_may_and_nowhere_else(
    client: TestClient, hook: Site, settings: Settings, workers: Workers
) -> None:
    url = f"json://127.0.0.1:{hook.server.server_port}/"
    channel = add_channel(client, url, kind="apprise", secret=None)
    client.post(f"/api/channels/{channel['id']}/test")
    deliver(workers.start())

    [(_, body)] = hook.posted
    assert json.loads(body)["title"] == "Stagewatch: test"

    client.post(f"/api/channels/{channel['id']}/test")
    guarded = Runtime(settings.model_copy(update={"allowed_networks": ()}), lambda: None)
    try:
        deliver(guarded)
    finally:
        guarded.close(1)
    assert len(hook.posted) == 1
    assert "127.0.0.1" in notifications(client)[0]["last_error"]


def test_a_channel_that_cannot_be_reached_does_not_keep_others_from_being_told(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    add_channel(client, f"http://127.0.0.1:{port}/")
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")

    deliver(workers.start())

    assert len(hook.posted) == 1
    [pending] = notifications(client, state="pending")
    assert pending["last_error"] == "connection refused"


def test_channels_can_be_changed_and_deleted_and_show_no_secrets(client: TestClient) -> None:
    made = client.post(
        "/api/channels", json={"name": "Hook", "kind": "webhook", "url": "https://example.com/h"}
    ).json()
    path = f"/api/channels/{made['id']}"

    assert len(b64decode(made["secret"].removeprefix("whsec_"))) == 24
    assert client.get(path).json()["secret"] is None
    assert client.patch(path, json={"name": "Other"}).json()["name"] == "Other"
    assert client.put(path, json=made | {"secret": None}).status_code == 422
    apprise = {"name": "Mail", "kind": "apprise", "url": "mailto://user:password@example.com"}
    assert client.put(path, json=apprise).json()["url"] == "mailto://…"
    assert "password" not in client.get("/api/channels").text
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "http://user:secret@example.com/"}, "url"),
        ({"kind": "apprise", "url": "nonsense://x"}, "url"),
        ({"kind": "apprise", "url": "json://example.com", "secret": SECRET}, "secret"),
        ({"secret": "short"}, "secret"),
        ({"secret": "whsec_this-is-no-base64"}, "secret"),
        ({"name": "x" * 201}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_channel_is_refused_and_not_stored(
    client: TestClient, config: dict[str, Any], field: str
) -> None:
    body = {"name": "Hook", "kind": "webhook", "url": "https://example.com/hook"}

    answer = client.post("/api/channels", json=body | config)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert client.get("/api/channels").json()["items"] == []
