"""A request's id appears in the log of the worker that does the resulting work."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.integration.conftest import Workers
from tests.services import query
from tests.sites import Site


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == logger]


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def add_monitor(client: TestClient, site: Site, **headers: str) -> int:
    config = {"name": "Site", "kind": "http", "url": site.url, "confirmations": 1}
    answer = client.post("/api/monitors", json=config, headers=headers)
    assert answer.status_code == 201
    return int(answer.json()["id"])


def state(client: TestClient, number: int) -> str:
    return str(client.get(f"/api/monitors/{number}").json()["state"])


def test_a_monitor_that_a_request_has_added_is_checked_under_its_id(
    client: TestClient, site: Site, workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    number = add_monitor(client, site, **{"X-Request-ID": "it-added-this"})
    workers.start()

    workers.work_until(lambda: state(client, number) == "up")

    (line,) = lines(caplog, "worker.target_cache")
    assert (line["monitor_id"], line["request_id"]) == (number, "it-added-this")


def test_the_notification_that_a_request_has_caused_is_sent_under_its_id(
    client: TestClient, site: Site, workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{site.url}hook"
    channel = {"name": "Hook", "kind": "webhook", "url": url, "secret": "a-secret-of-16-or-more"}
    channel_id = client.post("/api/channels", json=channel).json()["id"]
    number = add_monitor(client, site)
    site.status = 503
    by_check = {"X-Request-ID": "it-checked-this"}
    by_test = {"X-Request-ID": "it-tested-this"}

    client.post(f"/api/monitors/{number}/check", headers=by_check)
    client.post(f"/api/channels/{channel_id}/test", headers=by_test)
    site.status = 200
    workers.start()
    workers.work_until(lambda: len(site.posted) == 2)

    sent = lines(caplog, "app.notifications.delivery")
    assert {line["request_id"] for line in sent} == {"it-checked-this", "it-tested-this"}
    assert all(line["channel_id"] == channel_id and line["duration_ms"] > 0 for line in sent)


def test_a_change_of_state_is_a_line_with_its_reason(
    client: TestClient, site: Site, workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    number = add_monitor(client, site)
    site.status = 503
    workers.start()

    workers.work_until(lambda: state(client, number) == "down")

    (line,) = lines(caplog, "app.incidents.transitions")
    assert (line["monitor_id"], line["monitor_name"]) == (number, "Site")
    assert "is down: status 503" in line["message"]


def test_the_request_id_of_a_heartbeat_is_logged_with_the_outage_it_ends(
    client: TestClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    job = {"name": "Backup", "kind": "heartbeat", "period_seconds": 60}
    jobs = [client.post("/api/monitors", json=job).json() for _ in range(2)]
    hook = {"name": "Hook", "kind": "webhook", "url": "http://192.0.2.1/", "secret": "s" * 16}
    assert client.post("/api/channels", json=hook).status_code == 201
    for statement in (
        "UPDATE states SET state = 'down'",
        "INSERT INTO incidents (monitor_id, opened_at, cause) SELECT id, now(), '' FROM monitors",
    ):
        query(plain(settings), statement)

    def ping(number: int) -> int:
        headers = {"X-Request-ID": f"heartbeat-{number}"}
        return client.get(jobs[number]["ping_path"], headers=headers).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ping, range(2))) == [200, 200]

    expected = {job["id"]: f"heartbeat-{number}" for number, job in enumerate(jobs)}
    changed = lines(caplog, "app.incidents.transitions")
    assert {line["monitor_id"]: line["request_id"] for line in changed} == expected
    told = query(plain(settings), "SELECT monitor_id, request_id FROM notifications")
    assert {row["monitor_id"]: row["request_id"] for row in told} == expected


def plain(settings: Settings) -> str:
    return settings.database_url.replace("+asyncpg", "")
