"""Outages: one incident, one notification when it opens, one when it closes."""

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from hmac import digest
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.conftest import Workers
from tests.sites import Site, new_site

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


@pytest.fixture
def hook() -> Iterator[Site]:
    """Run a receiver of webhooks."""
    with new_site() as hook:
        yield hook


def test_an_outage_opens_one_incident_and_its_end_closes_it_with_one_notification_for_either(
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
    assert {notification["state"] for notification in notifications(client)} == {"sent"}


def test_a_webhook_is_signed_and_says_what_happened(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503

    client.post(f"/api/monitors/{monitor['id']}/check")
    workers.start()
    workers.work_until(lambda: hook.posted)

    [(headers, body)] = hook.posted
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = b64encode(digest(SECRET.encode(), signed, sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(body)
    assert told["monitor"] == {"id": monitor["id"], "name": "Site", "kind": "http"}
    assert told["incident"]["cause"].startswith("status 503")
    assert told["incident"]["closed_at"] is None


def test_one_lost_packet_is_no_outage(client: TestClient, site: Site, workers: Workers) -> None:
    monitor = add_monitor(client, site, confirmations=2)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")
    site.status = 200
    client.post(f"/api/monitors/{monitor['id']}/check")

    assert incidents(client) == []


def test_the_first_acknowledgement_is_kept(client: TestClient, site: Site) -> None:
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


def test_pausing_ends_the_incident_and_sends_no_notification(
    client: TestClient, site: Site
) -> None:
    add_channel(client, site.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")

    client.post(f"/api/monitors/{monitor['id']}/pause")

    assert incidents(client, state="open") == []
    assert [notification["event"] for notification in notifications(client)] == ["incident.opened"]


def test_an_unreachable_channel_does_not_keep_others_from_being_notified(
    client: TestClient, site: Site, hook: Site, workers: Workers
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    add_channel(client, f"http://127.0.0.1:{port}/")
    add_channel(client, hook.url)
    monitor = add_monitor(client, site, confirmations=1)
    site.status = 503
    client.post(f"/api/monitors/{monitor['id']}/check")

    workers.start()
    workers.work_until(
        lambda: any(notification["last_error"] for notification in notifications(client))
    )
    workers.work_until(lambda: hook.posted)

    [pending] = notifications(client, state="pending")
    assert pending["last_error"] == "connection refused"
