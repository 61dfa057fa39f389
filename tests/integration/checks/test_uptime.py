"""Uptime is a share of time; compared with a direct computation, second by second."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks.observed import hour_of
from app.checks.recording import CompletedCheck, record
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    OK,
    add,
    execute,
    now,
    recorded,
    row,
    with_database,
)
from tests.services import query


def store(settings: Settings, number: int, results: list[tuple[datetime, bool]]) -> None:
    async def run(database: Database) -> None:
        for moment, ok in results:
            done = CompletedCheck(number, moment, moment, OK if ok else FAILED)
            async with database.transaction() as session:
                await record(session, [done])

    with_database(settings, run)


def uptime(client: TestClient, number: int) -> Any:
    return client.get(f"/api/monitors/{number}/uptime").json()


def test_uptime_is_a_share_of_the_time_whatever_the_number_of_checks(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=600)
    begin = now(database_url) - timedelta(seconds=1000)
    # Ten minutes up, found by two checks; five minutes down, found by thirty.
    results = [(begin, True), (begin + timedelta(seconds=600), False)]
    results += [(begin + timedelta(seconds=600 + 10 * step), False) for step in range(1, 30)]
    results += [(begin + timedelta(seconds=900), True)]

    store(settings, number, results)

    found = uptime(client, number)["24h"]
    assert found["uptime"] == pytest.approx(600 / 900, abs=1e-5)
    assert (found["checks"], found["failed"]) == (32, 30)
    [summary] = client.get("/api/status").json()["monitors"]
    assert summary["uptime"] == found["uptime"]


def test_time_without_checks_is_left_out(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=60, timeout_seconds=10)
    begin = now(database_url) - timedelta(hours=9)
    # Up for a minute, down for a minute, and then, when it is down, nothing for six hours.
    moments = [0, 60, 120, 120 + 6 * 3600]
    store(
        settings,
        number,
        [
            (begin + timedelta(seconds=moment), ok)
            for moment, ok in zip(moments, (True, False, False, True), strict=True)
        ],
    )

    # Of the six hours only interval, timeout and patience count: 60 + 10 + 60 seconds.
    assert uptime(client, number)["24h"]["uptime"] == pytest.approx(60 / (60 + 60 + 130), abs=1e-4)


def test_pending_and_paused_time_is_left_out(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=3600)
    begin = now(database_url) - timedelta(seconds=500)
    store(settings, number, [(begin, True), (begin + timedelta(seconds=100), False)])
    store(settings, number, [(begin + timedelta(seconds=200), True)])
    execute(database_url, "UPDATE states SET state = 'paused'")
    store(settings, number, [(begin + timedelta(seconds=300), False)])
    execute(database_url, "UPDATE states SET state = 'pending'")
    store(settings, number, [(begin + timedelta(seconds=400), True)])

    assert uptime(client, number)["24h"]["uptime"] == pytest.approx(0.5, abs=1e-5)


def test_the_time_until_a_pause_counts(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=3600)
    begin = now(database_url) - timedelta(seconds=200)
    store(settings, number, [(begin, False), (begin + timedelta(seconds=100), True)])

    client.post(f"/api/monitors/{number}/pause")

    assert uptime(client, number)["24h"]["uptime"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_figures_over_hours_and_days_match_a_plain_computation(
    client: TestClient, settings: Settings, database_url: str, seed: int
) -> None:
    source = random.Random(seed)  # noqa: S311 (no secret)
    number = add(client, confirmations=1, interval_seconds=3600, timeout_seconds=10)
    end = now(database_url)
    moment = end - timedelta(hours=80)
    results = []
    while (moment := moment + timedelta(seconds=source.uniform(60, 9000))) < end:
        results.append((moment, source.random() < 0.7))

    store(settings, number, results)

    hour, windows = None, None
    while windows is None or hour != hour_of(now(database_url)):
        # Repeat if an hour has ended in between.
        hour = hour_of(now(database_url))
        windows = uptime(client, number)
    assert hour is not None
    begin = hour - timedelta(hours=24)
    for window, since in (("24h", begin), ("90d", datetime.min.replace(tzinfo=UTC))):
        up = down = 0.0
        for (before, ok), (after, _) in pairwise(results):
            known = min(after, before + timedelta(seconds=3600 + 10 + 60))
            seconds = max((known - max(before, since)).total_seconds(), 0)
            up, down = up + seconds * ok, down + seconds * (not ok)
        found = windows[window]
        assert found["uptime"] == pytest.approx(up / (up + down), abs=1e-5)
        assert found["checks"] == sum(at >= since for at, _ in results)
        assert found["failed"] == sum(at >= since and not ok for at, ok in results)
    hours = query(database_url, "SELECT max(up_ms + down_ms) AS most FROM hourly_stats")
    assert hours[0]["most"] <= 3_600_000


def test_days_are_the_sums_of_their_hours(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, interval_seconds=600)
    begin = now(database_url) - timedelta(hours=60)
    store(settings, number, [(begin + timedelta(minutes=10 * n), n % 7 > 0) for n in range(300)])

    differences = query(
        database_url,
        """
        SELECT d.day FROM daily_stats d JOIN (
            SELECT monitor_id, date_trunc('day', hour, 'UTC') AS day, sum(checks) AS checks,
                sum(failed) AS failed, sum(up_ms) AS up_ms, sum(down_ms) AS down_ms
            FROM hourly_stats GROUP BY 1, 2
        ) h USING (monitor_id, day)
        WHERE (d.checks, d.failed, d.up_ms, d.down_ms) <> (h.checks, h.failed, h.up_ms, h.down_ms)
        """,
    )

    assert differences == []
    assert row(database_url, "SELECT count(*) FROM daily_stats")["count"] >= 2
    windows = uptime(client, number)
    assert set(windows) == {"24h", "7d", "30d", "90d"}
    assert windows["7d"]["checks"] == windows["90d"]["checks"] == 300
    latency = windows["90d"]["latency_ms"]
    assert latency == windows["7d"]["latency_ms"]
    assert 11 < latency["median"] <= latency["p95"] <= latency["p99"] < 14


def test_a_heartbeat_has_no_latency(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    body = {"name": "Job", "kind": "heartbeat", "period_seconds": 60}
    monitor = client.post("/api/monitors", json=body).json()

    client.get(monitor["ping_path"])

    found = uptime(client, monitor["id"])["24h"]
    assert found["checks"] == 1
    assert found["latency_ms"] == {"median": None, "p95": None, "p99": None}


def test_a_first_result_says_nothing_about_the_time_before(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    moment = now(database_url)

    recorded(settings, CompletedCheck(number, moment, moment, OK))

    assert uptime(client, number)["24h"]["uptime"] is None
