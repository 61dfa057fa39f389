"""Checks on demand: made, stored and read, with real targets."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.sites import Site


def monitor(client: TestClient, site: Site, **config: Any) -> str:
    body = {"name": "Site", "kind": "http", "url": site.url} | config
    return f"/api/monitors/{client.post('/api/monitors', json=body).json()['id']}"


def test_a_check_is_answered_and_stored_with_its_timings(client: TestClient, site: Site) -> None:
    path = monitor(client, site)

    made = client.post(f"{path}/check").json()

    assert (made["ok"], made["status_code"], made["error"]) == (True, 200, None)
    assert made["latency_ms"] > made["timings"]["connect_ms"] > 0
    [stored] = client.get(f"{path}/checks").json()["items"]
    assert stored["checked_at"] == made["checked_at"]
    assert stored["latency_ms"] == pytest.approx(made["latency_ms"], abs=0.002)
    assert client.get(path).json()["state"] == "up"


def test_a_monitor_is_down_after_as_many_failures_in_a_row_as_confirmations(
    client: TestClient, site: Site
) -> None:
    path = monitor(client, site, confirmations=2)
    client.post(f"{path}/check")
    site.status = 503

    assert client.post(f"{path}/check").json()["error"].startswith("status 503")
    assert client.get(path).json()["state"] == "up"
    client.post(f"{path}/check")
    assert client.get(path).json()["state"] == "down"
    assert client.get("/api/status").json()["state"] == "down"

    site.status = 200
    client.post(f"{path}/check")
    assert client.get(path).json()["state"] == "up"
    assert 0 < client.get("/api/status").json()["monitors"][0]["uptime"] < 1


def test_a_paused_monitor_can_be_checked_and_stays_paused(client: TestClient, site: Site) -> None:
    path = monitor(client, site)
    client.post(f"{path}/pause")

    assert client.post(f"{path}/check").json()["ok"] is True
    assert client.get(path).json()["state"] == "paused"


def test_checks_come_newest_first_in_pages(client: TestClient, site: Site) -> None:
    path = monitor(client, site)
    made = [client.post(f"{path}/check").json()["checked_at"] for _ in range(5)]

    found = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{path}/checks", params=params).json()
        found += [item["checked_at"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break

    assert found == made[::-1]


def test_an_address_that_is_not_allowed_is_a_failed_check_that_says_so(
    client: TestClient, site: Site
) -> None:
    path = monitor(client, site, url="http://10.0.0.1/")

    made = client.post(f"{path}/check").json()

    assert made["ok"] is False
    assert "10.0.0.1" in made["error"]


def test_nothing_checked_yet_is_pending(client: TestClient, site: Site) -> None:
    monitor(client, site)

    assert client.get("/api/status").json()["state"] == "pending"
