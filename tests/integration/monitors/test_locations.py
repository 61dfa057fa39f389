"""Monitors with locations, and what is planned for them."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.checks.support import add, execute, row
from tests.services import query

PLACES = ["frankfurt", "tokyo", "virginia"]
ANYWHERE = "SELECT monitor_id FROM schedule"
FROM_LOCATIONS = "SELECT location FROM location_schedule ORDER BY 1"
SEEN = "SELECT location FROM location_states ORDER BY 1"


def locations(database_url: str, statement: str) -> list[str]:
    return [found["location"] for found in query(database_url, statement)]


def test_a_monitor_is_checked_from_anywhere_unless_it_names_locations(
    client: TestClient, database_url: str
) -> None:
    plain = add(client)

    shown = client.get(f"/api/monitors/{plain}").json()

    assert (shown["locations"], shown["min_failing_locations"]) == ([], 1)
    assert len(query(database_url, ANYWHERE)) == 1
    assert locations(database_url, FROM_LOCATIONS) == []


def test_each_location_has_a_place_of_its_own_in_the_schedule(
    client: TestClient, database_url: str
) -> None:
    number = add(client, locations=[*PLACES, "tokyo"], min_failing_locations=2)

    shown = client.get(f"/api/monitors/{number}").json()

    assert (shown["locations"], shown["min_failing_locations"]) == (PLACES, 2)
    assert query(database_url, ANYWHERE) == []
    assert locations(database_url, FROM_LOCATIONS) == PLACES
    assert locations(database_url, SEEN) == PLACES
    moments = row(database_url, "SELECT count(DISTINCT due_at) FROM location_schedule")
    assert moments["count"] == 3, "the moment is the key of a result"


def test_many_monitors_at_once_may_differ_in_where_they_are_checked_from(
    client: TestClient, database_url: str
) -> None:
    site = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"}
    job = {"name": "Job", "kind": "heartbeat", "period_seconds": 60}
    sites = [site, site | {"locations": ["tokyo"]}, job]

    assert client.post("/api/monitors/bulk", json={"monitors": sites}).status_code == 201

    assert [each["monitor_id"] for each in query(database_url, f"{ANYWHERE} ORDER BY 1")] == [1, 3]
    assert locations(database_url, FROM_LOCATIONS) == ["tokyo"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"min_failing_locations": 2}, "min_failing_locations"),
        ({"min_failing_locations": 0}, "min_failing_locations"),
        ({"locations": ["a", "a"], "min_failing_locations": 2}, "min_failing_locations"),
        ({"locations": ["a b"]}, "locations.0"),
        ({"locations": [""]}, "locations.0"),
        ({"locations": ["x" * 64]}, "locations.0"),
        ({"locations": [f"place-{number}" for number in range(21)]}, "locations"),
    ],
)
def test_invalid_locations_are_refused_with_the_name_of_the_field(
    client: TestClient, fields: dict[str, Any], field: str
) -> None:
    body = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"} | fields

    answer = client.post("/api/monitors", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_changing_the_locations_keeps_the_state_of_those_that_remain(
    client: TestClient, database_url: str
) -> None:
    number = add(client, locations=PLACES)
    execute(database_url, "UPDATE location_states SET failures = 3")

    answer = client.patch(f"/api/monitors/{number}", json={"locations": ["tokyo", "london"]})

    assert answer.status_code == 200, answer.text
    assert locations(database_url, FROM_LOCATIONS) == ["london", "tokyo"]
    known = "SELECT location, failures FROM location_states ORDER BY 1"
    assert [tuple(each.values()) for each in query(database_url, known)] == [
        ("london", 0),
        ("tokyo", 3),
    ]
    planned = row(
        database_url, "SELECT bool_and(claimable_at <= now()) AS due FROM location_schedule"
    )
    assert planned["due"]


def test_a_monitor_without_locations_any_more_is_checked_from_anywhere_again(
    client: TestClient, database_url: str
) -> None:
    number = add(client, locations=PLACES)

    client.patch(f"/api/monitors/{number}", json={"locations": []})

    planned = row(database_url, "SELECT claimable_at <= now() AS due FROM schedule")
    assert planned["due"]
    assert locations(database_url, FROM_LOCATIONS) == locations(database_url, SEEN) == []


def test_locations_that_are_given_to_a_paused_monitor_wait_until_it_is_resumed(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    client.post(f"/api/monitors/{number}/pause")
    waiting = "SELECT bool_and(claimable_at = 'infinity') AS waiting FROM location_schedule"

    client.patch(f"/api/monitors/{number}", json={"locations": PLACES})
    assert row(database_url, waiting)["waiting"]

    client.post(f"/api/monitors/{number}/resume")
    assert not row(database_url, waiting)["waiting"]

    client.post(f"/api/monitors/{number}/pause")
    assert row(database_url, waiting)["waiting"]


def test_a_deleted_monitor_leaves_nothing_of_its_locations(
    client: TestClient, database_url: str
) -> None:
    number = add(client, locations=PLACES)

    client.delete(f"/api/monitors/{number}")

    assert locations(database_url, FROM_LOCATIONS) == locations(database_url, SEEN) == []
