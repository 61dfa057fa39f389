"""When a heartbeat is due: counted from the last one, whatever is changed in its monitor."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.integration.checks.support import FAILED, claimed, completed, execute, recorded, row

JOB = {"name": "Backup", "kind": "heartbeat", "period_seconds": 3600, "grace_seconds": 60}
DUE = "SELECT due_at, claimable_at, expected_from, lease FROM schedule"


def add(client: TestClient, **config: Any) -> dict[str, Any]:
    created: dict[str, Any] = client.post("/api/monitors", json=JOB | config).json()
    return created


def pinged_an_hour_ago(client: TestClient, database_url: str, monitor: dict[str, Any]) -> None:
    client.get(monitor["ping_path"])
    execute(
        database_url,
        "UPDATE schedule SET due_at = due_at - interval '50 min', "
        "claimable_at = claimable_at - interval '50 min', "
        "expected_from = expected_from - interval '50 min'",
    )


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_equal_configuration_is_no_change_and_does_not_postpone_a_heartbeat(
    client: TestClient, database_url: str, method: str
) -> None:
    monitor = add(client)
    pinged_an_hour_ago(client, database_url, monitor)
    before = row(database_url, DUE)
    version = row(database_url, "SELECT version FROM monitors")

    answer = client.request(method, f"/api/monitors/{monitor['id']}", json=JOB)

    assert answer.status_code == 200
    assert row(database_url, DUE) == before
    assert row(database_url, "SELECT version FROM monitors") == version
    assert answer.json()["updated_at"] == monitor["updated_at"]


def test_another_name_does_not_postpone_a_heartbeat(client: TestClient, database_url: str) -> None:
    monitor = add(client)
    pinged_an_hour_ago(client, database_url, monitor)
    before = row(database_url, DUE)

    client.patch(f"/api/monitors/{monitor['id']}", json={"name": "Other"})

    assert row(database_url, DUE) == before


def test_another_period_counts_from_the_last_heartbeat(
    client: TestClient, database_url: str
) -> None:
    monitor = add(client)
    pinged_an_hour_ago(client, database_url, monitor)

    client.patch(f"/api/monitors/{monitor['id']}", json={"period_seconds": 7200})

    due = row(database_url, DUE)
    assert due["due_at"] - due["expected_from"] == timedelta(seconds=7260)


def test_a_shorter_period_that_is_already_over_makes_the_monitor_late_at_once(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    pinged_an_hour_ago(client, database_url, monitor)

    client.patch(f"/api/monitors/{monitor['id']}", json={"period_seconds": 60})

    assert [claim.kind for claim in claimed(settings)] == ["heartbeat"]


def test_a_new_heartbeat_is_due_a_period_after_it_was_created(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client)

    due = row(database_url, DUE)

    assert due["due_at"] - due["expected_from"] == timedelta(seconds=3660)
    assert claimed(settings) == []


def test_a_heartbeat_that_arrives_during_the_late_check_wins(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    execute(database_url, "UPDATE schedule SET due_at = now(), claimable_at = now()")
    [late] = claimed(settings)

    client.get(monitor["ping_path"])
    # Found a moment after the heartbeat by the worker's reckoning.
    assert recorded(settings, completed(late, FAILED, after=1)).stored == 0

    assert client.get(f"/api/monitors/{monitor['id']}").json()["state"] == "up"
    due = row(database_url, DUE)
    assert due["due_at"] - due["expected_from"] == timedelta(seconds=3660)


def test_a_late_heartbeat_is_counted_again_after_each_period(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    execute(database_url, "UPDATE schedule SET due_at = now(), claimable_at = now()")
    [late] = claimed(settings)

    recorded(settings, completed(late, FAILED))

    due = row(database_url, DUE)
    assert due["due_at"] - late.due_at == timedelta(seconds=3600)
    assert due["claimable_at"] == due["due_at"]
    assert client.get(f"/api/monitors/{monitor['id']}").json()["state"] == "down"


def test_a_heartbeat_that_was_due_while_nothing_ran_is_awaited_once_more(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    client.get(monitor["ping_path"])
    nothing_runs_for(database_url, "61 min 20 s")
    [late] = claimed(settings)

    assert recorded(settings, completed(late, FAILED, after=20)).stored == 0

    assert client.get(f"/api/monitors/{monitor['id']}").json()["state"] == "up"
    due = row(database_url, DUE)
    assert due["due_at"] - late.due_at == timedelta(seconds=3600)
    assert due["claimable_at"] == due["due_at"]


def test_a_dead_job_is_noticed_although_workers_are_always_late(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    client.get(monitor["ping_path"])
    for pause in ("61 min 20 s", "60 min"):
        nothing_runs_for(database_url, pause)
        [late] = claimed(settings)
        recorded(settings, completed(late, FAILED, after=20))

    assert client.get(f"/api/monitors/{monitor['id']}").json()["state"] == "down"


def nothing_runs_for(database_url: str, pause: str) -> None:
    """Move the stored times into the past."""
    stored = {
        "schedule": ("due_at", "claimable_at", "expected_from"),
        "states": ("since", "checked_at"),
    }
    for table, columns in stored.items():
        moved = ", ".join(f"{column} = {column} - interval '{pause}'" for column in columns)
        execute(database_url, f"UPDATE {table} SET {moved}")


def test_a_paused_monitor_notes_heartbeats_and_stays_paused(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    client.post(f"/api/monitors/{monitor['id']}/pause")

    assert client.get(monitor["ping_path"]).status_code == 200

    found = client.get(f"/api/monitors/{monitor['id']}").json()
    assert found["state"] == "paused"
    assert found["checked_at"] is not None
    assert row(database_url, "SELECT claimable_at = 'infinity' AS never FROM schedule")["never"]


def test_a_resumed_heartbeat_is_expected_from_then_on(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    monitor = add(client)
    pinged_an_hour_ago(client, database_url, monitor)
    client.post(f"/api/monitors/{monitor['id']}/pause")
    client.post(f"/api/monitors/{monitor['id']}/resume")

    left = row(database_url, "SELECT due_at - now() AS left FROM schedule")["left"]

    assert timedelta(seconds=3600) < left <= timedelta(seconds=3660)
