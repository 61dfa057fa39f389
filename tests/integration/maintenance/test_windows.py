"""Windows over the API: validation, output and the generated periods."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.maintenance.periods import extend
from app.settings import Settings
from tests.integration.checks.support import add, execute, now, row, with_database
from tests.integration.maintenance.support import PATH, once, plan
from tests.services import query

NIGHTLY = {
    "frequency": "daily",
    "start_time": "02:30",
    "duration_minutes": 60,
    "time_zone": "Europe/Berlin",
}
PERIODS = "SELECT starts_at, ends_at FROM maintenance_periods ORDER BY starts_at"


def test_a_window_is_planned_read_changed_and_deleted(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    config = once(database_url, 10, 20, monitors=[number, number], tags=["eu"])

    answer = client.post(PATH, json=config)
    path = answer.headers["location"]
    read = client.get(path)
    changed = client.put(path, json=config | {"name": "Other"}, headers={"If-Match": '"1"'})
    late = client.put(path, json=config, headers={"If-Match": '"1"'})

    assert read.json() == answer.json()
    assert {name: read.json()[name] for name in ("name", "monitors", "tags", "all")} == {
        "name": "Work",
        "monitors": [number],
        "tags": ["eu"],
        "all": False,
    }
    assert (read.json()["running"], read.json()["period"] is not None) == (False, True)
    assert (changed.json()["name"], changed.headers["etag"]) == ("Other", '"2"')
    assert late.status_code == 412
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert query(database_url, PERIODS) == []


def test_an_equal_configuration_is_no_change(client: TestClient, database_url: str) -> None:
    config = {"name": "Updates", "groups": ["Shop"], "recurrence": NIGHTLY}
    path = f"{PATH}/{plan(client, config)['id']}"

    assert client.put(path, json=config).headers["etag"] == '"1"'


def test_windows_come_in_pages_newest_first(client: TestClient, database_url: str) -> None:
    ids = [plan(client, once(database_url, 10, 20))["id"] for _ in range(3)]

    first = client.get(f"{PATH}?limit=2").json()
    second = client.get(f"{PATH}?limit=2&cursor={first['next']}").json()

    found = [window["id"] for window in first["items"] + second["items"]]
    assert found == ids[::-1]
    assert second["next"] is None


def test_a_recurring_window_is_planned_for_weeks_and_goes_on(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    window = plan(client, {"name": "Updates", "all": True, "recurrence": NIGHTLY})
    planned = query(database_url, PERIODS)
    # A month without any worker.
    execute(
        database_url,
        "DELETE FROM maintenance_periods WHERE starts_at > now() + interval '30 days'",
    )

    with_database(settings, extend)

    assert len(planned) > 60
    assert query(database_url, PERIODS) == planned
    assert client.get(f"{PATH}/{window['id']}").headers["etag"] == '"1"'


def test_upkeep_by_two_workers_at_once_plans_nothing_twice(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    for _ in range(5):
        plan(client, {"name": "Updates", "all": True, "recurrence": NIGHTLY})
    count = "SELECT count(*) FROM maintenance_periods"
    planned = row(database_url, count)
    execute(database_url, "DELETE FROM maintenance_periods")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: with_database(settings, extend), range(2)))

    assert row(database_url, count) == planned


def test_an_unreadable_window_does_not_stop_the_planning_of_others(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    odd, other = (
        plan(client, {"name": "Updates", "all": True, "recurrence": NIGHTLY})["id"]
        for _ in range(2)
    )
    execute(
        database_url,
        f'UPDATE maintenance_windows SET recurrence = \'{{"frequency": "at full moon"}}\' '
        f"WHERE id = {odd}",
    )
    execute(database_url, "DELETE FROM maintenance_periods")

    with_database(settings, extend)

    windows = query(database_url, "SELECT DISTINCT window_id FROM maintenance_periods")
    assert [window["window_id"] for window in windows] == [other]
    shown = client.get(f"{PATH}/{odd}").json()
    assert shown["recurrence"] == {"frequency": "at full moon"}


def test_a_running_window_that_is_moved_ends_now_and_runs_again_later(
    client: TestClient, database_url: str
) -> None:
    window = plan(client, once(database_url, -5, 5))

    client.put(f"{PATH}/{window['id']}", json=once(database_url, 60, 70))

    moment = now(database_url)
    running, later = query(database_url, PERIODS)
    assert running["starts_at"] < running["ends_at"] <= moment < later["starts_at"]


def test_a_window_that_runs_and_is_made_longer_keeps_its_beginning(
    client: TestClient, database_url: str
) -> None:
    window = plan(client, once(database_url, -5, 5))
    [before] = query(database_url, PERIODS)

    changed = client.put(f"{PATH}/{window['id']}", json=once(database_url, -5, 50)).json()

    [after] = query(database_url, PERIODS)
    assert after["starts_at"] == before["starts_at"]
    assert after["ends_at"] > before["ends_at"]
    assert changed["running"]


def test_a_window_with_a_start_in_the_past_begins_now(
    client: TestClient, database_url: str
) -> None:
    moment = now(database_url)

    plan(client, once(database_url, -600, 5))

    [period] = query(database_url, PERIODS)
    assert moment < period["starts_at"] <= now(database_url)


def test_a_monitor_is_put_into_maintenance_from_now_on(
    client: TestClient, database_url: str
) -> None:
    number = add(client, name="Shop")

    answer = client.post(f"/api/monitors/{number}/maintenance")
    short = client.post(f"/api/monitors/{number}/maintenance", json={"duration_minutes": 5})

    assert answer.status_code == 201
    assert (answer.json()["running"], answer.json()["monitors"]) == (True, [number])
    lengths = [row["ends_at"] - row["starts_at"] for row in query(database_url, PERIODS)]
    assert [round(length / timedelta(minutes=1)) for length in lengths] == [60, 5]
    assert client.get(short.headers["location"]).json()["name"] == "Work on Shop"
    assert client.post("/api/monitors/4711/maintenance").status_code == 404


def test_a_deleted_monitor_is_in_no_window(client: TestClient, database_url: str) -> None:
    gone, stays = add(client), add(client)
    window = plan(client, once(database_url, 10, 20, monitors=[gone, stays]))

    client.delete(f"/api/monitors/{gone}")

    assert client.get(f"{PATH}/{window['id']}").json()["monitors"] == [stays]


def test_windows_that_ended_long_ago_are_deleted(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    plan(client, once(database_url, 10, 20))
    plan(client, {"name": "Updates", "all": True, "recurrence": NIGHTLY})
    execute(
        database_url,
        "UPDATE maintenance_windows SET ends_at = ends_at - interval '91 days', "
        "starts_at = starts_at - interval '91 days'",
    )

    with_database(settings, extend)

    [window] = client.get(PATH).json()["items"]
    assert window["name"] == "Updates"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"all": False}, "monitors"),
        ({"monitors": [1]}, "monitors"),
        ({"all": False, "monitors": [4711]}, "monitors"),
        ({"all": False, "monitors": ["1"]}, "monitors.0"),
        ({"all": False, "tags": [" "]}, "tags.0"),
        ({"starts_at": None}, "starts_at"),
        ({"starts_at": "2026-12-05T22:00:00"}, "starts_at"),
        ({"starts_at": 1796507400}, "starts_at"),
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "2999-01-01T00:00:00Z"}, "ends_at"),
        (
            {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-01T01:00:00Z"},
            "ends_at",
        ),
        ({"recurrence": NIGHTLY}, "starts_at"),
        ({"starts_at": None, "ends_at": None, "recurrence": {}}, "recurrence.frequency"),
        (
            {
                "starts_at": None,
                "ends_at": None,
                "recurrence": NIGHTLY | {"time_zone": "Berlin"},
            },
            "recurrence.time_zone",
        ),
        (
            {
                "starts_at": None,
                "ends_at": None,
                "recurrence": NIGHTLY | {"until": "2020-01-01"},
            },
            "recurrence.until",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_field(
    client: TestClient, database_url: str, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(PATH, json=once(database_url, 10, 20) | changes)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert query(database_url, "SELECT * FROM maintenance_windows") == []
