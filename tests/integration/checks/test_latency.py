"""Latencies over time agree with those of the uptime windows, point by point."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks.observed import hour_of
from app.checks.recording import CompletedCheck, record
from app.database import Database
from app.probing.result import Result, Timings
from app.settings import Settings
from tests.integration.checks.support import FAILED, add, execute, now, with_database


def series(client: TestClient, number: int, window: str) -> Any:
    answer = client.get(f"/api/monitors/{number}/latency", params={"range": window})
    assert answer.status_code == 200, answer.text
    return answer.json()


def store(settings: Settings, number: int, results: list[tuple[datetime, float | None]]) -> None:
    """Record checks of so many milliseconds; None is a failed one."""

    async def run(database: Database) -> None:
        for moment, ms in results:
            result = FAILED if ms is None else Result(True, ms, Timings(total_ms=ms), 200)
            async with database.transaction() as session:
                await record(session, [CompletedCheck(number, moment, moment, result)])

    with_database(settings, run)


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "90d"])
def test_a_point_with_all_checks_has_the_figures_of_its_window(
    client: TestClient, settings: Settings, database_url: str, window: str
) -> None:
    source = random.Random(window)  # noqa: S311 (no secret)
    number = add(client)
    # In an hour that is over; the check after it ends it.
    begin = hour_of(now(database_url)) - timedelta(hours=2)
    results: list[tuple[datetime, float | None]] = [
        (begin + timedelta(seconds=n), source.choice([None, source.lognormvariate(4, 1)]))
        for n in range(50)
    ]
    store(settings, number, results)

    found = series(client, number, window)

    whole = client.get(f"/api/monitors/{number}/uptime").json()[window]
    [point] = found["points"]
    seconds = found["bucket_seconds"]
    assert seconds == (3600 if window in ("24h", "7d") else 86400)
    at = datetime.fromisoformat(point["at"])
    assert at.timestamp() == begin.timestamp() // seconds * seconds
    assert (found["range"], point["count"], point["failed"]) == (
        window,
        whole["checks"],
        whole["failed"],
    )
    assert {"median": point["p50_ms"], "p95": point["p95_ms"], "p99": point["p99_ms"]} == whole[
        "latency_ms"
    ]


def test_points_are_in_order_and_hours_without_checks_are_left_out(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, interval_seconds=3600)
    present = hour_of(now(database_url))
    hours = [present - timedelta(hours=ago) for ago in (5, 4, 2, 1)]
    store(settings, number, [(hour, 100.0) for hour in hours])

    points = series(client, number, "24h")["points"]

    assert [datetime.fromisoformat(point["at"]) for point in points] == hours
    assert all(90 < point["p50_ms"] < 120 for point in points)


def test_checks_older_than_the_window_are_left_out(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    # The last check was long ago: its hour is still the open one.
    store(settings, number, [(now(database_url) - timedelta(days=8), 100.0)])

    assert series(client, number, "24h")["points"] == series(client, number, "7d")["points"] == []
    assert len(series(client, number, "30d")["points"]) == 1


def test_an_hour_repeated_by_a_clock_change_is_one_point(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    present = hour_of(now(database_url))
    store(settings, number, [(present - timedelta(hours=1), 10.0), (present, 1000.0)])
    execute(database_url, "UPDATE states SET hour = hour - interval '1 hour'")

    [point] = series(client, number, "24h")["points"]

    assert point["count"] == 2
    assert point["p50_ms"] < 15
    assert point["p95_ms"] > 800


def test_a_day_of_failures_has_no_latency(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    store(settings, number, [(now(database_url), None)])

    [point] = series(client, number, "90d")["points"]

    assert (point["count"], point["failed"]) == (1, 1)
    assert point["p50_ms"] is point["p95_ms"] is point["p99_ms"] is None
    assert datetime.fromisoformat(point["at"]).tzinfo == UTC


def test_another_range_or_monitor_is_an_error(client: TestClient) -> None:
    number = add(client)

    assert client.get(f"/api/monitors/{number}/latency?range=1y").status_code == 422
    assert client.get("/api/monitors/999/latency").status_code == 404
