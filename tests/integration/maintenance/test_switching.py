"""Monitors enter and leave maintenance on time, after changes, and many at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks import schedule, switching
from app.checks.switching import Switching, switch
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    add,
    claimed,
    completed,
    execute,
    now,
    recorded,
    row,
    with_database,
)
from tests.integration.conftest import Workers
from tests.integration.maintenance.support import (
    PATH,
    events,
    once,
    period,
    plan,
    result,
    state_of,
)
from tests.integration.notifications.conftest import add_channel
from tests.services import query
from tests.sites import Site, new_site

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
JOB = {"name": "Job", "kind": "heartbeat", "period_seconds": 86400, "grace_seconds": 0}


def end_all(database_url: str) -> None:
    execute(database_url, "UPDATE maintenance_periods SET ends_at = now()")


def test_uptime_is_counted_up_to_the_start_of_a_window_and_no_further(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=3600)
    moment = now(database_url)
    result(settings, number, moment - 100 * SECOND, ok=True)
    period(database_url, moment - 40 * SECOND, moment + HOUR)

    done = with_database(settings, switch)
    again = with_database(settings, switch)
    result(settings, number, now(database_url), ok=True)

    assert (done, again) == ((1, 0), (0, 0))
    assert state_of(client, number) == "maintenance"
    sums = row(database_url, "SELECT sum(up_ms) AS up FROM daily_stats")
    # If an hour ends in between, a fraction of a millisecond is lost.
    assert sums["up"] == pytest.approx(60_000, abs=1)


def test_monitors_are_pending_and_checked_at_once_when_a_window_ends(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    waiting, under_way = (add(client, interval_seconds=86400) for _ in range(2))
    claims = {claim.monitor_id: claim for claim in claimed(settings)}
    recorded(settings, completed(claims[waiting]))
    moment = now(database_url)
    period(database_url, moment - 60 * SECOND, moment + HOUR)
    with_database(settings, switch)
    end_all(database_url)

    done = with_database(settings, switch)

    assert done == (0, 2)
    assert {state_of(client, number) for number in (waiting, under_way)} == {"pending"}
    assert {claim.monitor_id for claim in claimed(settings)} == {waiting, under_way}


def test_the_end_of_a_window_postpones_no_check(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client)
    execute(
        database_url,
        "UPDATE schedule SET due_at = now() + interval '1 s', "
        "claimable_at = now() + interval '1 s'",
    )
    period(database_url, now(database_url) - HOUR, now(database_url) + HOUR)
    with_database(settings, switch)
    end_all(database_url)

    async def as_the_thousandth(database: Database) -> None:
        async with database.transaction() as session:
            await schedule.plan(session, [1], sooner=True, first=1000)

    with_database(settings, as_the_thousandth)

    left = row(database_url, "SELECT due_at - now() AS left FROM schedule")["left"]
    assert left <= SECOND


def test_after_a_window_timely_heartbeats_are_up_and_late_ones_are_reported(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook")
    on_time, late = (client.post("/api/monitors", json=JOB).json() for _ in range(2))
    period(database_url, now(database_url) - HOUR, now(database_url) + HOUR)
    for job in (on_time, late):
        client.get(job["ping_path"])
    # It is late in the window, and due again a day later.
    execute(
        database_url,
        "UPDATE schedule SET due_at = now(), claimable_at = now(), "
        f"expected_from = expected_from - interval '1 day' WHERE monitor_id = {late['id']}",
    )
    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])
    quiet = events(database_url)
    end_all(database_url)

    with_database(settings, switch)
    at_the_end = [state_of(client, job["id"]) for job in (on_time, late)]
    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])

    assert quiet == []
    assert at_the_end == ["up", "pending"]
    assert [state_of(client, job["id"]) for job in (on_time, late)] == ["up", "down"]
    assert events(database_url) == ["incident.opened"]


def test_the_window_of_a_heartbeat_that_is_up_at_its_end_does_not_count(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    job = client.post("/api/monitors", json=JOB).json()
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR)
    result(settings, job["id"], moment - 1800 * SECOND, ok=True)
    end_all(database_url)
    with_database(settings, switch)

    result(settings, job["id"], now(database_url), ok=True)

    assert row(database_url, "SELECT hour_up_ms FROM states")["hour_up_ms"] < 60_000


def test_an_outage_of_a_heartbeat_is_closed_by_the_next_one_after_the_window(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook")
    job = client.post("/api/monitors", json=JOB).json()
    result(settings, job["id"], now(database_url), ok=False)
    period(database_url, now(database_url), now(database_url) + HOUR)
    client.get(job["ping_path"])
    end_all(database_url)

    with_database(settings, switch)
    pending = state_of(client, job["id"])
    client.get(job["ping_path"])

    assert (pending, state_of(client, job["id"])) == ("pending", "up")
    assert events(database_url) == ["incident.opened", "incident.closed"]


def test_a_window_that_is_deleted_while_it_lasts_ends_at_once(
    client: TestClient, settings: Settings
) -> None:
    number = add(client, interval_seconds=86400)
    recorded(settings, *map(completed, claimed(settings)))
    window = client.post(f"/api/monitors/{number}/maintenance").json()
    before = state_of(client, number)

    client.delete(f"{PATH}/{window['id']}")

    assert (before, state_of(client, number)) == ("maintenance", "pending")
    assert [claim.monitor_id for claim in claimed(settings)] == [number]


def test_changing_a_running_window_keeps_it_running_for_monitors_it_still_covers(
    client: TestClient, database_url: str
) -> None:
    stays, goes, comes = (add(client) for _ in range(3))
    window = plan(client, once(database_url, -5, 5, monitors=[stays, goes]))
    since = client.get(f"/api/monitors/{stays}").json()["since"]

    client.put(f"{PATH}/{window['id']}", json=once(database_url, -5, 9, monitors=[stays, comes]))

    assert [state_of(client, number) for number in (stays, goes, comes)] == [
        "maintenance", "pending", "maintenance"
    ]  # fmt: skip  # one a line would be longer, not clearer
    assert client.get(f"/api/monitors/{stays}").json()["since"] == since


def test_of_two_windows_the_end_of_one_changes_nothing_while_the_other_lasts(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, tags=["eu"])
    one = plan(client, once(database_url, -5, 5))
    plan(client, once(database_url, -5, 50, tags=["eu"]))
    since = client.get(f"/api/monitors/{number}").json()["since"]

    client.delete(f"{PATH}/{one['id']}")

    found = client.get(f"/api/monitors/{number}").json()
    assert (found["state"], found["since"]) == ("maintenance", since)


def test_group_and_tag_changes_move_monitors_into_and_out_of_a_running_window(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    plan(client, once(database_url, -5, 5, groups=["Shop"]))
    plan(client, once(database_url, -5, 5, tags=["eu"]))
    path = f"/api/monitors/{number}"

    def act(**tags: list[str]) -> None:
        asked = {"action": "tag", "ids": [number]} | tags
        assert client.post("/api/monitors/actions", json=asked).status_code == 200

    states = [state_of(client, number)]
    states.append(client.patch(path, json={"group": "Shop"}).json()["state"])
    states.append(client.patch(path, json={"group": None}).json()["state"])
    act(add_tags=["eu"])
    states.append(state_of(client, number))
    act(remove_tags=["eu"])
    states.append(state_of(client, number))

    assert states == ["pending", "maintenance", "pending", "maintenance", "pending"]


def test_a_new_monitor_joins_a_running_window(client: TestClient, database_url: str) -> None:
    plan(client, once(database_url, -5, 5))
    body = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"}

    one = client.post("/api/monitors", json=body).json()
    many = client.post("/api/monitors/bulk", json={"monitors": [body] * 3}).json()["items"]

    assert {monitor["state"] for monitor in [one, *many]} == {"maintenance"}


def test_a_paused_monitor_stays_paused_and_returns_to_the_window_when_resumed(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    plan(client, once(database_url, -5, 5))

    paused = client.post(f"/api/monitors/{number}/pause").json()["state"]
    with_database(settings, switch)
    still = state_of(client, number)
    resumed = client.post(f"/api/monitors/{number}/resume").json()["state"]

    assert (paused, still, resumed) == ("paused", "paused", "maintenance")
    assert [claim.monitor_id for claim in claimed(settings)] == [number]


def add_many(database_url: str, count: int) -> None:
    execute(
        database_url,
        f"""
        WITH m AS (
            INSERT INTO monitors
                (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
            SELECT 'Site ' || n, 'http', '{{"url": "http://127.0.0.1/"}}', 60, 10, 1
            FROM generate_series(1, {count}) AS n RETURNING id
        ), s AS (INSERT INTO states (monitor_id) SELECT id FROM m)
        INSERT INTO schedule (monitor_id) SELECT id FROM m
        """,
    )


def states(database_url: str) -> dict[str, int]:
    rows = query(database_url, "SELECT state, count(*) FROM states GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


def test_a_switch_killed_halfway_is_completed_by_another_worker(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_many(database_url, 3 * switching.BATCH)
    period(database_url, now(database_url) - SECOND, now(database_url) + HOUR)

    async def killed(database: Database) -> None:
        task = asyncio.create_task(switch(database))
        while "maintenance" not in await asyncio.to_thread(states, database_url):
            assert not task.done()
        task.cancel()
        # Wait for it; being cancelled is not an error.
        await asyncio.gather(task, return_exceptions=True)

    with_database(settings, killed)
    with_database(settings, lambda database: Switching(database).look())

    assert states(database_url) == {"maintenance": 3 * switching.BATCH}


def test_concurrent_switches_results_and_changes_do_not_deadlock(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook")
    add_many(database_url, 200)
    ids = list(range(1, 201))
    moment = now(database_url)

    def act(action: str) -> None:
        for _ in range(5):
            asked = {"action": action, "ids": ids[::-1]}
            assert client.post("/api/monitors/actions", json=asked).status_code == 200

    def check() -> None:
        for _ in range(5):
            recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])

    def turn() -> None:
        for _ in range(5):
            execute(
                database_url,
                "UPDATE maintenance_periods SET ends_at = "
                "CASE WHEN ends_at > now() THEN now() ELSE now() + interval '1 h' END",
            )
            with_database(settings, switch)

    period(database_url, moment - HOUR, moment + HOUR)
    work: list[Callable[[], None]] = [
        turn, turn, check, lambda: act("pause"), lambda: act("resume")
    ]  # fmt: skip  # one a line would be longer, not clearer
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(part) for part in work]:
            future.result()

    act("resume")
    execute(database_url, "UPDATE maintenance_periods SET ends_at = now() + interval '1 h'")
    with_database(settings, switch)
    assert states(database_url) == {"maintenance": 200}


def test_windows_of_thousands_end_while_results_are_stored(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    count = 4 * switching.BATCH
    add_many(database_url, count)
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR)

    async def switch_and_record(database: Database) -> int:
        running = asyncio.create_task(switch(database))
        stored = 0
        while not running.done():
            # Of the last ones, which the switch comes to at its end.
            at = moment + stored * timedelta(milliseconds=1)
            stored += (await asyncio.to_thread(result, settings, count, at, ok=False)).stored
        await running
        return stored

    stored = with_database(settings, switch_and_record)

    assert stored >= 2
    assert states(database_url) == {"maintenance": count}
    assert query(database_url, "SELECT * FROM incidents") == []


def test_a_look_switches_windows_that_began_or_ended_and_waits_for_the_next_one(
    client: TestClient, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switching, "WHOLE_SECONDS", float("inf"))
    number = add(client)

    async def looks(database: Database) -> list[Any]:
        watch = Switching(database)
        found: list[Any] = [await watch.look()]
        for begin, end in ((0, 3600), (3600, 7200), (0.5, 7200)):
            moment = await asyncio.to_thread(now, database_url)
            await asyncio.to_thread(execute, database_url, "DELETE FROM maintenance_windows")
            await asyncio.to_thread(
                period, database_url, moment + begin * SECOND, moment + end * SECOND
            )
            found.append(await watch.look())
        return found

    first, begun, later, soon = with_database(settings, looks)

    assert (first, begun, later) == (switching.LOOK_SECONDS,) * 3
    assert switching.SOONEST_SECONDS <= soon <= 0.5
    # That window has been deleted, which a look does not detect.
    assert state_of(client, number) == "maintenance"


@pytest.fixture
def hook() -> Any:
    with new_site() as hook:
        yield hook


def test_a_site_that_is_down_is_reported_only_when_the_window_ends(
    client: TestClient, site: Site, hook: Site, workers: Workers, database_url: str
) -> None:
    add_channel(client, hook.url)
    # A day until its next check.
    number = add(client, url=site.url, confirmations=1, interval_seconds=86400)
    workers.start()
    workers.work_until(lambda: state_of(client, number) == "up")
    window = plan(client, once(database_url, 0.02, 0.1))
    workers.work_until(lambda: state_of(client, number) == "maintenance")
    site.status = 503
    client.post(f"/api/monitors/{number}/check")
    quiet = list(hook.posted)

    workers.work_until(lambda: hook.posted)

    assert quiet == []
    [incident] = client.get("/api/incidents").json()["items"]
    assert incident["opened_at"] >= window["ends_at"]
    assert state_of(client, number) == "down"
