"""Results during a window, at its edges and after it, even if nothing switches the states."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient

from app.checks.observed import hour_of
from app.settings import Settings
from tests.integration.checks.support import FAILED, add, claimed, completed, now, recorded, row
from tests.integration.maintenance.support import events, period, result, state_of
from tests.integration.notifications.conftest import add_channel
from tests.services import query

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
OPEN = "SELECT * FROM incidents WHERE closed_at IS NULL"


@pytest.fixture(autouse=True)
def channel(client: TestClient) -> None:
    add_channel(client, "https://example.com/hook")


def test_a_failure_in_a_window_is_stored_and_sends_no_notification(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    result(settings, number, moment - 3 * SECOND, ok=True)
    period(database_url, moment - 2 * SECOND, moment + HOUR)

    done = result(settings, number, moment, ok=False)

    assert (done.stored, done.notifications) == (1, 0)
    assert state_of(client, number) == "maintenance"
    assert query(database_url, OPEN) == []
    [newest, _] = client.get(f"/api/monitors/{number}/checks").json()["items"]
    assert newest["error"] == "status 503"


@pytest.mark.parametrize("microseconds", [-1, 0, 1])
def test_a_failure_at_the_start_of_a_window_sends_no_notification(
    client: TestClient, settings: Settings, database_url: str, microseconds: int
) -> None:
    number = add(client, confirmations=1)
    result(settings, number, now(database_url), ok=True)
    moment = now(database_url)
    # It was over before the window began, and is stored after that.
    period(database_url, moment + timedelta(microseconds=microseconds), moment + HOUR)

    result(settings, number, moment, ok=False)

    assert state_of(client, number) == "maintenance"
    assert events(database_url) == []


def test_a_failure_before_the_end_that_is_stored_later_sends_no_notification(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    period(database_url, moment - HOUR, moment)

    result(settings, number, moment - timedelta(microseconds=1), ok=False)
    assert events(database_url) == []
    result(settings, number, moment, ok=False)

    assert state_of(client, number) == "down"
    assert events(database_url) == ["incident.opened"]


def test_a_failure_after_the_end_opens_an_incident_even_without_a_switch(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=3)
    moment = now(database_url)
    period(database_url, moment - 60 * SECOND, moment - 2 * SECOND)
    for seconds in (50, 30, 10):
        result(settings, number, moment - seconds * SECOND, ok=False)
    before = (state_of(client, number), events(database_url))

    result(settings, number, moment, ok=False)

    assert before == ("maintenance", [])
    assert state_of(client, number) == "down"
    assert events(database_url) == ["incident.opened"]


def test_after_a_window_a_failure_must_be_confirmed_before_it_is_an_outage(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=2)
    moment = now(database_url)
    period(database_url, moment - 60 * SECOND, moment - 5 * SECOND)
    result(settings, number, moment - 20 * SECOND, ok=True)

    result(settings, number, moment - 2 * SECOND, ok=False)
    once = (state_of(client, number), events(database_url))
    result(settings, number, moment, ok=False)

    assert once == ("pending", [])
    assert (state_of(client, number), events(database_url)) == ("down", ["incident.opened"])


def test_after_the_end_a_site_that_is_fine_goes_up_without_an_incident(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    period(database_url, moment - 60 * SECOND, moment - SECOND)
    result(settings, number, moment - 30 * SECOND, ok=False)

    result(settings, number, moment, ok=True)

    assert state_of(client, number) == "up"
    assert query(database_url, "SELECT * FROM incidents") == []


def test_an_earlier_outage_stays_open_in_a_window_and_closes_on_recovery_after_it(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    result(settings, number, moment - 90 * SECOND, ok=False)
    period(database_url, moment - 60 * SECOND, moment - 5 * SECOND)

    result(settings, number, moment - 40 * SECOND, ok=False)
    result(settings, number, moment - 30 * SECOND, ok=True)
    inside = (state_of(client, number), len(query(database_url, OPEN)), events(database_url))
    result(settings, number, moment, ok=True)

    assert inside == ("maintenance", 1, ["incident.opened"])
    assert query(database_url, OPEN) == []
    assert events(database_url) == ["incident.opened", "incident.closed"]


def test_an_outage_that_continues_after_a_window_is_not_reported_again(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    result(settings, number, moment - 90 * SECOND, ok=False)
    period(database_url, moment - 60 * SECOND, moment - 5 * SECOND)
    result(settings, number, moment - 40 * SECOND, ok=False)

    result(settings, number, moment, ok=False)

    assert state_of(client, number) == "down"
    assert len(query(database_url, "SELECT * FROM incidents")) == 1
    assert events(database_url) == ["incident.opened"]


def test_failures_in_a_window_are_not_retried_quickly(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, confirmations=5, interval_seconds=3600)
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR)

    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])

    # It is in the slot that its claim has moved it on to, up to an hour from now.
    left = row(database_url, "SELECT claimable_at - now() AS left FROM schedule")["left"]
    assert left > 4 * SECOND
    assert row(database_url, "SELECT failures FROM states")["failures"] == 1


def test_a_paused_monitor_stays_paused_in_a_window(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    client.post(f"/api/monitors/{number}/pause")
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR)

    result(settings, number, moment, ok=True)

    assert state_of(client, number) == "paused"


def test_a_window_silences_only_its_own_monitors(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    tagged = add(client, confirmations=1, tags=["eu", "new"])
    other = add(client, confirmations=1, tags=["us"])
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR, tags="eu")

    for number in (tagged, other):
        result(settings, number, moment, ok=False)

    assert (state_of(client, tagged), state_of(client, other)) == ("maintenance", "down")


def test_overlapping_windows_silence_until_the_last_one_ends(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    moment = now(database_url)
    period(database_url, moment - 60 * SECOND, moment - 30 * SECOND)
    period(database_url, moment - 40 * SECOND, moment - 10 * SECOND)

    states = []
    for seconds in (50, 35, 20, 5):
        result(settings, number, moment - seconds * SECOND, ok=False)
        states.append(state_of(client, number))

    assert states == ["maintenance"] * 3 + ["down"]


def test_a_week_in_which_nothing_ran_with_a_window_in_it_counts_up_to_its_beginning(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=3600, timeout_seconds=10)
    moment = now(database_url)
    week = moment - timedelta(days=7)
    result(settings, number, week, ok=True)
    period(database_url, week + 600 * SECOND, week + 5 * HOUR)

    result(settings, number, moment, ok=False)

    found = client.get(f"/api/monitors/{number}/uptime").json()["30d"]
    assert found["uptime"] == 1
    sums = row(database_url, "SELECT sum(up_ms) AS up, sum(down_ms) AS down FROM daily_stats")
    # If an hour ends in between, a fraction of a millisecond is lost.
    assert (sums["up"], sums["down"]) == (pytest.approx(600_000, abs=1), 0)
    assert state_of(client, number) == "down"


def test_in_a_window_heartbeats_are_recorded_and_late_ones_send_no_notification(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    job = {"name": "Job", "kind": "heartbeat", "period_seconds": 3600, "grace_seconds": 0}
    monitor = client.post("/api/monitors", json=job).json()
    query(database_url, "UPDATE schedule SET due_at = now(), claimable_at = now()")
    moment = now(database_url)
    period(database_url, moment - HOUR, moment + HOUR)

    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])
    late = client.get(f"/api/monitors/{monitor['id']}").json()
    client.get(monitor["ping_path"])
    noted = client.get(f"/api/monitors/{monitor['id']}").json()

    assert (late["state"], late["error"]) == ("maintenance", "status 503")
    assert (noted["state"], noted["error"]) == ("maintenance", None)
    assert events(database_url) == []
    left = row(database_url, "SELECT due_at - now() AS left FROM schedule")["left"]
    assert left > timedelta(seconds=3500)


@pytest.mark.parametrize("seed", range(3))
def test_uptime_across_windows_matches_a_plain_computation(
    client: TestClient, settings: Settings, database_url: str, seed: int
) -> None:
    source = random.Random(seed)  # noqa: S311 (no secret)
    number = add(client, confirmations=1, interval_seconds=3600, timeout_seconds=10)
    end = now(database_url)
    windows = []
    for _ in range(12):
        begin = end - timedelta(hours=source.uniform(2, 80))
        windows.append((begin, min(begin + timedelta(hours=source.uniform(0.01, 8)), end)))
        period(database_url, *windows[-1])
    moment = end - timedelta(hours=80)
    results = []
    while (moment := moment + timedelta(seconds=source.uniform(60, 4000))) < end:
        results.append((moment, source.random() < 0.7))

    for at, ok in results:
        result(settings, number, at, ok=ok)

    hour, figures = None, None
    while figures is None or hour != hour_of(now(database_url)):
        # Repeat if an hour has ended in between.
        hour = hour_of(now(database_url))
        figures = client.get(f"/api/monitors/{number}/uptime").json()
    assert hour is not None
    for name, since in (
        ("24h", hour - timedelta(hours=24)),
        ("90d", datetime.min.replace(tzinfo=UTC)),
    ):
        up = down = 0.0
        for (at, ok), (following, _) in pairwise(results):
            if any(begin <= at < over for begin, over in windows):
                continue
            begins = [begin for begin, _ in windows if begin > at]
            known = min([following, at + timedelta(seconds=3600 + 10 + 60), *begins])
            seconds = max((known - max(at, since)).total_seconds(), 0)
            up, down = up + seconds * ok, down + seconds * (not ok)
        assert figures[name]["uptime"] == pytest.approx(up / (up + down), abs=1e-5)
    assert figures["90d"]["checks"] == len(results)
