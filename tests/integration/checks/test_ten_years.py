"""Ten years of checks: every figure equals one computed directly from all results.

The results are recorded as a worker records them, and the upkeep runs along the way. What is
compared is what clients read, just before and after every seam: the turn of an hour and of a day,
the edges of what is kept raw, by the hour and by the day, the days around the end of February.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks.observed import hour_of
from app.checks.partitions import maintain
from app.checks.recording import CompletedCheck, record
from app.checks.uptime import WINDOWS
from app.database import Database
from app.main import create_app
from app.monitors import service
from app.probing.result import Result, Timings
from app.settings import Settings
from app.status.summary import summarize
from tests.integration.checks.simulated import (
    DAY,
    HOUR,
    Monitor,
    Seen,
    exact,
    moments_of_ten_years,
    set_clock,
    simulated_database,
)
from tests.integration.checks.support import with_database
from tests.run import shared_server

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# A bucket of the histogram is a quarter of an octave (app.checks.histogram).
BUCKET = 2 ** (1 / 4)

KINDS_OF_RETENTION = {
    "as little as may be": {
        "retention_days": 1,
        "hourly_retention_days": 8,
        "daily_retention_days": 91,
        "incident_retention_days": 30,
        "notification_retention_days": 1,
    },
    "more raw than by the hour": {
        "retention_days": 12,
        "hourly_retention_days": 9,
        "daily_retention_days": 100,
        "incident_retention_days": 700,
        "notification_retention_days": 30,
    },
}


def looks(settings: Settings) -> list[datetime]:
    """Return when figures are read, each seam from both sides, one year or so after the other."""
    seams = [
        datetime(2031, 3, 1, tzinfo=UTC),
        datetime(2032, 2, 29, tzinfo=UTC),  # of a leap year
        datetime(2032, 3, 1, tzinfo=UTC),
        # When clocks are changed in Berlin, and 90 days after.
        datetime(2033, 3, 27, 1, tzinfo=UTC),
        datetime(2033, 6, 25, tzinfo=UTC),
        datetime(2034, 11, 2, tzinfo=UTC),
        datetime(2036, 1, 1, tzinfo=UTC),
        datetime(2037, 7, 14, 15, tzinfo=UTC),
    ]
    # What is deleted goes by the moment: the last one at which something is still there.
    kept = (
        settings.retention_days,
        settings.hourly_retention_days,
        settings.daily_retention_days,
        settings.incident_retention_days,
    )
    seams += [datetime(2038, 1, 1, tzinfo=UTC) + days * DAY for days in kept]
    return sorted({moment + shift for moment in seams for shift in (-SECOND, SECOND)})


@pytest.fixture
def database_url(worker_id: str) -> str:
    """Return an empty database whose clock is ours, of a server that is in Berlin."""
    server = shared_server("postgres_server")
    name = f"years_{worker_id}"
    return simulated_database(server, name, begin=BEGIN, time_zone="Europe/Berlin")


@pytest.fixture
def settings(database_url: str, request: pytest.FixtureRequest) -> Settings:
    retention = KINDS_OF_RETENTION[request.param]
    return Settings.model_validate(
        {"database_url": database_url, "rate_limit_per_minute": 100_000} | retention
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.mark.parametrize("settings", KINDS_OF_RETENTION, indirect=True)
def test_figures_match_a_plain_computation_at_every_boundary(
    client: TestClient, settings: Settings
) -> None:
    source = random.Random(12)  # noqa: S311  (no secret)
    monitors = [
        add(client, interval_seconds=86400, timeout_seconds=60, confirmations=1),
        add(client, interval_seconds=3 * 3600, timeout_seconds=10, confirmations=2),
    ]
    to_come = looks(settings)
    compared = 0

    async def live(database: Database) -> None:
        nonlocal compared
        kept_up_at = BEGIN
        for moment in moments_of_ten_years(source, BEGIN, to_come):
            while to_come and to_come[0] <= moment:
                at = to_come.pop(0)
                await keep_up(database, settings, at)
                summary = await summarized(database)
                for monitor in monitors:
                    compare(client, settings, monitor, at)
                    begin = hour_of(at) - 24 * HOUR
                    assert about(summary[monitor.id], monitor.share(begin, at)), f"{at}"
                    compared += 1
            if moment - kept_up_at > source.uniform(60, 180) * DAY:
                await keep_up(database, settings, moment)
                kept_up_at = moment
            await check(database, monitors, moment, source)

    with_database(settings, live)

    assert compared == 2 * len(looks(settings))
    assert all(len(monitor.seen) > 400 and len(monitor.outages) > 20 for monitor in monitors)


def add(client: TestClient, **config: Any) -> Monitor:
    body = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"} | config
    return Monitor(client.post("/api/monitors", json=body).json()["id"], **config)


async def keep_up(database: Database, settings: Settings, at: datetime) -> None:
    async with database.transaction() as session:
        await set_clock(session, at)
    await maintain(database, settings)


async def check(
    database: Database, monitors: list[Monitor], at: datetime, source: random.Random
) -> None:
    """Have the monitors checked; now and then one of them is paused, for hours or for years."""
    completed = []
    async with database.transaction() as session:
        await set_clock(session, at)
        for monitor in monitors:
            if monitor.paused_until and monitor.paused_until <= at:
                monitor.paused_until = None
                await service.resume(session, monitor.id)
            elif not monitor.paused_until and source.random() < 0.01:
                monitor.pause(at, at + source.choice([HOUR, 3 * DAY, 40 * DAY, 400 * DAY]))
                await service.pause(session, monitor.id)
            if monitor.paused_until:
                continue
            # Outages last: after a failure another one is likely.
            fails = source.random() < (0.7 if monitor.failures else 0.08)
            latency = None if fails else min(max(source.lognormvariate(5, 1.2), 2), 60_000)
            monitor.check(Seen(at, latency))
            result = Result(not fails, latency, Timings(total_ms=latency), 200, error(fails))
            completed.append(CompletedCheck(monitor.id, at, at, result))
        await record(session, completed)


async def summarized(database: Database) -> dict[int, float | None]:
    """Return the uptime that the status page begins with; not through the API, which caches it."""
    async with database.transaction() as session:
        summary = json.loads(b"".join(await summarize(session)))
    return {monitor["id"]: monitor["uptime"] for monitor in summary["monitors"]}


def error(fails: bool) -> str | None:
    return "status 503" if fails else None


def compare(client: TestClient, settings: Settings, monitor: Monitor, at: datetime) -> None:
    """Compare all that clients read of a monitor at this moment."""
    today = at.replace(hour=0, minute=0, second=0)
    found = client.get(f"/api/monitors/{monitor.id}/uptime").json()
    for name, (unit, length) in WINDOWS.items():
        begin = hour_of(at) - length * HOUR if unit == "hour" else today - length * DAY
        where = f"{name} at {at}"
        seen = monitor.since(begin)
        window = found[name]
        assert window["checks"] == len(seen), where
        assert window["failed"] == sum(check.latency_ms is None for check in seen), where
        assert about(window["uptime"], monitor.share(begin, at)), where
        for share, key in ((0.5, "median"), (0.95, "p95"), (0.99, "p99")):
            assert within_a_bucket(window["latency_ms"][key], exact(seen, share)), where
        compare_points(client, monitor, name, begin)
    compare_days(client, monitor, today, found)
    compare_incidents(client, settings, monitor, at)
    compare_checks(client, settings, monitor, today)


def compare_points(client: TestClient, monitor: Monitor, name: str, begin: datetime) -> None:
    series = client.get(f"/api/monitors/{monitor.id}/latency?range={name}").json()
    length = timedelta(seconds=series["bucket_seconds"])
    seen = monitor.since(begin)
    counts: dict[datetime, list[Seen]] = {}
    for one in seen:
        counts.setdefault(begin + (one.at - begin) // length * length, []).append(one)
    assert [datetime.fromisoformat(point["at"]) for point in series["points"]] == list(counts)
    for point, own in zip(series["points"], counts.values(), strict=True):
        assert point["count"] == len(own)
        assert point["failed"] == sum(check.latency_ms is None for check in own)
        assert within_a_bucket(point["p95_ms"], exact(own, 0.95))


def compare_days(
    client: TestClient, monitor: Monitor, today: datetime, uptime: dict[str, Any]
) -> None:
    history = client.get(f"/api/status/history?ids={monitor.id}").json()
    [item] = history["items"]
    assert date.fromisoformat(history["today"]) == today.date()
    assert item["uptime"] == {name: uptime[name]["uptime"] for name in WINDOWS}
    for ago, share in enumerate(reversed(item["days"])):
        begin = today - ago * DAY
        assert about(share, monitor.share(begin, begin + DAY)), f"{begin}"


def compare_incidents(
    client: TestClient, settings: Settings, monitor: Monitor, at: datetime
) -> None:
    """Compare the newest: as many as one page has."""
    kept = at - settings.incident_retention_days * DAY
    expected = [
        outage
        for outage in reversed(monitor.outages)
        if outage.closed_at is None or outage.closed_at >= kept
    ][:50]
    query = {"monitor_id": monitor.id, "limit": 50}
    items = client.get("/api/incidents", params=query).json()["items"]
    assert [(moment(item["opened_at"]), moment(item["closed_at"])) for item in items] == expected


def compare_checks(
    client: TestClient, settings: Settings, monitor: Monitor, today: datetime
) -> None:
    """Compare single checks: all of the days that are kept, and none from before them."""
    kept = monitor.since(today - settings.retention_days * DAY)
    path = f"/api/monitors/{monitor.id}/checks"
    items = client.get(path, params={"limit": 1000}).json()["items"]
    found = [moment(item["checked_at"]) for item in reversed(items)]
    assert found == [check.at for check in kept]


def moment(text: str | None) -> datetime | None:
    return text and datetime.fromisoformat(text)  # type: ignore[return-value]  # None stays


def about(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    # Of a span, milliseconds are counted; a day's share has six decimals.
    return abs(found - expected) < 2e-6


def within_a_bucket(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return 1 / BUCKET <= found / expected <= BUCKET * 1.0001
