"""GET /metrics with a real database, after requests and checks."""

import time
from weakref import WeakSet

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from app.settings import Settings
from tests.integration.conftest import Workers
from tests.services import query
from tests.sites import Site

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(client: TestClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"stagewatch_{name}", frozenset(labels.items())))


@pytest.fixture
def fresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.metrics.figures.KEEP_SECONDS", 0)


def add(client: TestClient, site: Site, name: str = "Site") -> int:
    config = {"name": name, "kind": "http", "url": site.url, "confirmations": 1}
    return int(client.post("/api/monitors", json=config).json()["id"])


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient) -> None:
    labels = {"method": "GET", "route": "/api/monitors/{monitor_id}", "status": "404"}
    before = value(samples(client), "http_request_duration_seconds_count", **labels) or 0

    for number in (17, 18):
        client.get(f"/api/monitors/{number}")

    after = value(samples(client), "http_request_duration_seconds_count", **labels)
    assert after == before + 2


def test_unknown_paths_and_methods_share_one_series(client: TestClient) -> None:
    for number in range(3):
        client.request(f"BREW{number}", f"/nothing/{number}")

    found = [
        labels
        for name, labels in samples(client)
        if name.endswith("request_duration_seconds_count")
    ]
    unforeseen = [dict(labels) for labels in found if ("method", "other") in labels]
    assert [labels["route"] for labels in unforeseen] == ["none"]


def test_checks_of_a_worker_are_counted_by_kind_and_outcome_and_timed(
    client: TestClient, site: Site, workers: Workers, fresh: None
) -> None:
    before = samples(client)
    number = add(client, site)
    workers.start()

    workers.work_until(lambda: client.get(f"/api/monitors/{number}").json()["state"] == "up")

    after = samples(client)
    for name, labels in (
        ("checks_total", {"kind": "http", "outcome": "ok"}),
        ("probe_duration_seconds_count", {"kind": "http"}),
        ("check_lateness_seconds_count", {}),
        ("claimed_total", {}),
        ("results_stored_total", {}),
    ):
        assert (value(after, name, **labels) or 0) > (value(before, name, **labels) or 0), name
    assert (value(after, "last_claim_timestamp_seconds") or 0) > time.time() - 60
    assert value(after, "monitor_up", monitor_id=str(number)) == 1
    assert (value(after, "monitor_latency_seconds", monitor_id=str(number)) or 0) > 0
    assert value(after, "monitors", state="up") == 1


def test_a_monitor_in_maintenance_is_neither_up_nor_down(
    client: TestClient, site: Site, fresh: None
) -> None:
    number = add(client, site)
    client.post(f"/api/monitors/{number}/maintenance")

    found = samples(client)

    assert value(found, "monitors", state="maintenance") == 1
    assert value(found, "monitor_in_maintenance", monitor_id=str(number)) == 1
    assert value(found, "monitor_up", monitor_id=str(number)) is None


def test_a_schedule_without_workers_shows_as_overdue(
    client: TestClient, site: Site, fresh: None, database_url: str
) -> None:
    add(client, site)
    late = "UPDATE schedule SET claimable_at = now() - interval '1 minute', lease = 1 RETURNING 1"
    query(database_url, late)

    found = samples(client)

    assert value(found, "checks_overdue") == 1
    assert 59 < (value(found, "schedule_lateness_seconds") or 0) < 120
    assert value(found, "leases_expired") == 1


def test_results_that_can_not_be_stored_are_counted_although_the_schedule_is_kept(
    client: TestClient, site: Site, fresh: None, database_url: str
) -> None:
    number = add(client, site)
    client.post(f"/api/monitors/{number}/check")
    query(
        database_url,
        "UPDATE schedule SET claimable_at = now() + interval '10 s', lease = 1 RETURNING 1",
    )
    query(database_url, "UPDATE monitors SET updated_at = now() - interval '1 h' RETURNING 1")
    query(database_url, "UPDATE states SET checked_at = now() - interval '1 h' RETURNING 1")

    found = samples(client)

    assert value(found, "checks_overdue") == 0
    assert value(found, "monitors_overdue") == 1


def test_pending_and_dead_notifications_are_counted(
    client: TestClient, fresh: None, database_url: str
) -> None:
    channel = {"name": "Hook", "kind": "webhook", "url": "http://127.0.0.1:1/"}
    number = client.post("/api/channels", json=channel).json()["id"]
    for _ in range(2):
        client.post(f"/api/channels/{number}/test")
    query(
        database_url,
        "UPDATE notifications SET state = CASE id WHEN 1 THEN 'dead' ELSE state END, "
        "created_at = now() - interval '1 hour' RETURNING 1",
    )

    found = samples(client)

    assert value(found, "notifications_dead") == 1
    assert value(found, "notifications_pending") == 1
    assert 3599 < (value(found, "notifications_oldest_seconds") or 0) < 3700


def test_series_of_monitors_have_a_limit(settings: Settings, site: Site) -> None:
    app = create_app(settings.model_copy(update={"metrics_monitors": 2}))
    with TestClient(app) as client:
        for number in range(3):
            add(client, site, name=f"Site {number}")

        found = samples(client)

    named = [dict(labels)["name"] for name, labels in found if name == "stagewatch_monitor_info"]
    assert sorted(named) == ["Site 0", "Site 1"]


def test_the_limit_of_the_pool_is_shown_as_it_is_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the pools of other tests.
    monkeypatch.setattr("app.metrics.resources._watched", WeakSet())
    app = create_app(settings.model_copy(update={"database_pool_size": 7}))
    with TestClient(app) as client:
        assert value(samples(client), "database_connections_max") == 7


def test_other_metrics_are_shown_without_a_database(settings: Settings) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql+asyncpg://x:x@127.0.0.1:1/x"})
    with TestClient(create_app(gone)) as client:
        found = samples(client)

    assert value(found, "database_up") == 0
    assert value(found, "database_connections", state="in_use") is not None
    assert ("process_resident_memory_bytes", frozenset()) in found


def test_heartbeats_are_checks_too(client: TestClient) -> None:
    config = {"name": "Job", "kind": "heartbeat", "period_seconds": 60}
    path = client.post("/api/monitors", json=config).json()["ping_path"]
    before = value(samples(client), "checks_total", kind="heartbeat", outcome="ok") or 0

    client.get(path)

    assert value(samples(client), "checks_total", kind="heartbeat", outcome="ok") == before + 1
