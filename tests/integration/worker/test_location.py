"""A real Celery worker at a location: it only makes checks, and needs no broker."""

import signal
from pathlib import Path

from fastapi.testclient import TestClient

from tests.integration.checks.support import add, row
from tests.integration.worker.running import is_well, said, wait_for, worker
from tests.services import query
from tests.sites import Site

LOCATED = "SELECT count(*) FROM checks WHERE location = 'tokyo'"


def test_a_worker_at_a_location_checks_its_monitors_and_delivers_nothing(
    client: TestClient, site: Site, database_url: str, tmp_path: Path
) -> None:
    hook = {"name": "Hook", "kind": "webhook", "url": site.url}
    client.post("/api/channels", json=hook)
    add(client, url=site.url)
    down = {"url": "http://127.0.0.1:9/", "confirmations": 1}
    abroad = add(client, locations=["tokyo"], interval_seconds=5, **down)

    with worker(tmp_path, database_url, location="tokyo") as process:
        wait_for(lambda: row(database_url, LOCATED)["count"] >= 2)
        wait_for(lambda: is_well(tmp_path))

        assert not said(tmp_path, "Cannot connect")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    checked = query(database_url, "SELECT DISTINCT monitor_id FROM checks")
    assert [found["monitor_id"] for found in checked] == [abroad]
    assert site.calls == 0, "neither a check nor a notification"
    assert row(database_url, "SELECT state FROM notifications")["state"] == "pending"
    assert row(database_url, "SELECT name FROM locations")["name"] == "tokyo"
    held = "SELECT count(*) FROM location_schedule WHERE claimable_at <> due_at"
    assert row(database_url, held)["count"] == 0
