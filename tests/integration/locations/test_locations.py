"""Locations: which workers report them, and what is shown when no worker is left at one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks import retention
from app.locations.presence import note
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    OK,
    add,
    claimed,
    completed,
    execute,
    recorded,
    with_database,
)

PLACES = ["frankfurt", "tokyo"]


def check(settings: Settings, location: str, result: Any = OK) -> None:
    for found in claimed(settings, location=location):
        recorded(settings, completed(found, result))


def silence(database_url: str, location: str) -> None:
    """Make a location's results an hour old."""
    execute(
        database_url,
        "UPDATE location_states SET checked_at = checked_at - interval '1 h', "
        f"since = since - interval '1 h' WHERE location = '{location}'",
    )


def figures(client: TestClient) -> dict[str, tuple[int, int, int]]:
    """Return monitors, failing and overdue, by location, as the public summary has them."""
    found = client.get("/api/status").json()["locations"]
    return {each["name"]: (each["monitors"], each["failing"], each["overdue"]) for each in found}


@pytest.fixture
def monitor(client: TestClient, settings: Settings) -> int:
    """Return a monitor that fails only from Tokyo."""
    number = add(client, locations=PLACES, min_failing_locations=2, confirmations=1)
    check(settings, "frankfurt")
    check(settings, "tokyo", FAILED)
    return number


def test_the_summary_says_from_where_monitors_fail(client: TestClient, monitor: int) -> None:
    add(client)

    assert figures(client) == {"frankfurt": (1, 0, 0), "tokyo": (1, 1, 0)}
    assert client.get("/api/status").json()["state"] == "up"


def test_a_monitor_shows_how_it_is_seen_from_each_of_its_locations(
    client: TestClient, monitor: int
) -> None:
    shown = client.get(f"/api/monitors/{monitor}").json()

    seen = [(each["location"], each["state"], each["error"]) for each in shown["seen_from"]]
    assert seen == [("frankfurt", "up", None), ("tokyo", "down", "status 503")]
    [listed] = client.get("/api/monitors").json()["items"]
    assert listed["seen_from"] == shown["seen_from"]


def test_a_location_without_recent_results_is_reported_as_overdue(
    client: TestClient, monitor: int, database_url: str
) -> None:
    silence(database_url, "tokyo")

    found = client.get("/api/status").json()

    assert figures(client) == {"frankfurt": (1, 0, 0), "tokyo": (1, 0, 1)}
    assert found["overdue"] == 0, "the monitor is still checked from Frankfurt"
    shown = client.get(f"/api/monitors/{monitor}").json()["seen_from"]
    assert [each["overdue"] for each in shown] == [False, True]


def test_a_monitor_that_is_checked_from_none_of_its_locations_is_overdue_itself(
    client: TestClient, monitor: int, database_url: str
) -> None:
    for location in PLACES:
        silence(database_url, location)

    assert client.get("/api/status").json()["overdue"] == 1


def test_a_location_that_no_worker_has_is_overdue_a_minute_after_its_first_check_should_have_been(
    client: TestClient, database_url: str
) -> None:
    add(client, locations=["tokio"])

    execute(database_url, "UPDATE location_states SET since = now() - interval '1 h'")
    execute(database_url, "UPDATE states SET since = now() - interval '1 h'")

    assert figures(client) == {"tokio": (1, 0, 1)}


def test_a_paused_monitor_is_not_overdue_anywhere(
    client: TestClient, monitor: int, database_url: str
) -> None:
    silence(database_url, "tokyo")

    client.post(f"/api/monitors/{monitor}/pause")
    assert figures(client) == {}

    client.post(f"/api/monitors/{monitor}/resume")
    assert figures(client) == {"frankfurt": (1, 0, 0), "tokyo": (1, 0, 0)}, "it has just begun"


def test_locations_are_listed_with_the_time_a_worker_was_last_seen(
    client: TestClient, settings: Settings, monitor: int
) -> None:
    for location in ("tokyo", "virginia"):
        with_database(settings, lambda database, name=location: note(database, name))  # type: ignore[misc]  # mypy loses the type of a lambda with a default

    items = client.get("/api/locations").json()["items"]

    assert [(item["name"], item["monitors"], item["seen_at"] is not None) for item in items] == [
        ("frankfurt", 1, False),
        ("tokyo", 1, True),
        ("virginia", 0, True),
    ]


def test_a_location_without_a_worker_for_a_week_is_forgotten(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    for location in ("old", "new"):
        execute(database_url, f"INSERT INTO locations VALUES ('{location}', now())")
    execute(
        database_url, "UPDATE locations SET seen_at = now() - interval '8 days' WHERE name = 'old'"
    )

    with_database(settings, lambda database: retention.apply(database, settings))

    assert [item["name"] for item in client.get("/api/locations").json()["items"]] == ["new"]


def test_metrics_count_what_a_location_does_not_see(
    client: TestClient, monitor: int, database_url: str
) -> None:
    silence(database_url, "frankfurt")

    lines = client.get("/metrics").text.splitlines()

    for name, location, value in (
        ("monitors", "tokyo", 1),
        ("monitors_failing", "tokyo", 1),
        ("monitors_failing", "frankfurt", 0),
        ("monitors_overdue", "frankfurt", 1),
    ):
        assert f'stagewatch_location_{name}{{location="{location}"}} {value}.0' in lines
