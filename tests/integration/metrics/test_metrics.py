"""GET /metrics with a real database, after requests and checks."""

import time

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from app.settings import Settings
from tests.integration.conftest import Workers
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


def add(client: TestClient, site: Site) -> int:
    config = {"name": "Site", "kind": "http", "url": site.url, "confirmations": 1}
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
    client: TestClient, site: Site, workers: Workers
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


def test_process_metrics_are_shown_without_a_database(settings: Settings) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql+asyncpg://x:x@127.0.0.1:1/x"})
    with TestClient(create_app(gone)) as client:
        found = samples(client)

    assert value(found, "database_connections", state="in_use") is not None
    assert ("process_resident_memory_bytes", frozenset()) in found


def test_heartbeats_are_checks_too(client: TestClient) -> None:
    config = {"name": "Job", "kind": "heartbeat", "period_seconds": 60}
    path = client.post("/api/monitors", json=config).json()["ping_path"]
    before = value(samples(client), "checks_total", kind="heartbeat", outcome="ok") or 0

    client.get(path)

    assert value(samples(client), "checks_total", kind="heartbeat", outcome="ok") == before + 1
