"""All monitors in one response, whose JSON PostgreSQL generates."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.status.summary import MONITORS_LIMIT, PART, PERIODS_LIMIT, Summary, overall
from tests.integration.checks.support import add, claimed, completed, execute, recorded
from tests.integration.maintenance.support import once, plan
from tests.services import query
from tests.sites import Site

ODD = 'A "quoted" \\ name with </script>, é, 語, 😀 and \u2028'


def summary(client: TestClient) -> Any:
    return client.get("/api/status").json()


def test_the_summary_matches_its_schema(client: TestClient, site: Site) -> None:
    body = {"kind": "http", "url": site.url, "confirmations": 1}
    down = client.post(
        "/api/monitors", json=body | {"name": "Shop", "group": "Pay & go", "tags": ["b", 'a"']}
    ).json()
    client.post("/api/monitors", json={"name": "A job", "kind": "heartbeat", "period_seconds": 60})
    site.status = 503
    checked = client.post(f"/api/monitors/{down['id']}/check").json()

    found = summary(client)

    assert Summary.model_validate(found).model_dump(mode="json") == found
    assert found["state"] == "down"
    assert [monitor["name"] for monitor in found["monitors"]] == ["A job", "Shop"]
    shop = found["monitors"][1]
    assert shop == {
        "id": down["id"],
        "name": "Shop",
        "kind": "http",
        "state": "down",
        "since": checked["checked_at"],
        "latency_ms": checked["latency_ms"],
        "uptime": None,
        "group": "Pay & go",
        "tags": ["b", 'a"'],
    }
    assert found["incidents"] == client.get("/api/incidents").json()["items"]


def test_text_from_users_is_returned_unchanged(client: TestClient, database_url: str) -> None:
    number = add(client)
    odd = ODD.replace("'", "''")
    execute(database_url, f"UPDATE monitors SET name = '{odd}', group_name = '{odd}'")
    execute(
        database_url,
        f"INSERT INTO incidents (monitor_id, opened_at, cause) VALUES ({number}, now(), '{odd}')",
    )

    found = summary(client)

    assert [monitor["name"] for monitor in found["monitors"]] == [ODD]
    assert [monitor["group"] for monitor in found["monitors"]] == [ODD]
    assert [incident["cause"] for incident in found["incidents"]] == [ODD]


def test_without_monitors_it_is_pending(client: TestClient) -> None:
    assert summary(client) == {
        "state": "pending",
        "monitors": [],
        "incidents": [],
        "maintenance": [],
        "overdue": 0,
        "locations": [],
    }


def test_overdue_checks_are_counted(client: TestClient, database_url: str) -> None:
    late, paused, _ = (add(client) for _ in range(3))
    client.post(f"/api/monitors/{paused}/pause")
    execute(
        database_url,
        "UPDATE schedule SET claimable_at = claimable_at - interval '2 minutes' "
        f"WHERE monitor_id IN ({late}, {paused})",
    )

    assert summary(client)["overdue"] == 1


def test_it_counts_monitors_whose_checks_are_made_but_have_no_results(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    ids = [add(client) for _ in range(3)]
    client.post(f"/api/monitors/{ids[2]}/pause")
    client.post("/api/monitors", json={"name": "A job", "kind": "heartbeat", "period_seconds": 60})
    for found in claimed(settings):
        recorded(settings, completed(found))
    execute(
        database_url,
        "UPDATE states SET checked_at = now() - interval '1 h', since = now() - interval '1 h'",
    )
    execute(database_url, "UPDATE monitors SET updated_at = now() - interval '1 h'")
    execute(database_url, "UPDATE schedule SET claimable_at = now() WHERE lease IS NULL")
    # All checks are claimed in time, and have no result.
    claimed(settings)

    assert summary(client)["overdue"] == 2
    client.patch(f"/api/monitors/{ids[0]}", json={"name": "Changed, so it is checked again"})
    assert summary(client)["overdue"] == 1


def test_times_are_in_utc_wherever_the_server_is(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    since = client.get(f"/api/monitors/{number}").json()["since"]
    database = query(database_url, "SELECT current_database() AS name")[0]["name"]

    execute(database_url, f"ALTER DATABASE \"{database}\" SET timezone TO 'Asia/Tokyo'")
    try:
        with TestClient(create_app(settings)) as elsewhere:
            found = summary(elsewhere)
    finally:
        execute(database_url, f'ALTER DATABASE "{database}" RESET timezone')

    assert [monitor["since"] for monitor in found["monitors"]] == [since]


@pytest.mark.parametrize("count", [PART, 2 * PART + 1])
def test_all_monitors_are_listed_in_order_of_their_names(
    client: TestClient, database_url: str, count: int
) -> None:
    execute(
        database_url,
        f"""
        WITH m AS (
            INSERT INTO monitors
                (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
            SELECT to_char({count} - n, '"Site "00000'), 'tcp', '{{}}', 60, 10, 2
            FROM generate_series(0, {count} - 1) AS n RETURNING id
        ), s AS (
            INSERT INTO states (monitor_id, state)
            SELECT id, CASE id WHEN 1 THEN 'down' ELSE 'up' END FROM m RETURNING monitor_id
        )
        INSERT INTO incidents (monitor_id, opened_at, cause)
        SELECT monitor_id, now(), 'refused' FROM s
        """,
    )

    found = summary(client)

    names = [monitor["name"] for monitor in found["monitors"]]
    assert names == sorted(names)
    assert len(set(names)) == count
    numbers = [incident["id"] for incident in found["incidents"]]
    assert numbers == list(range(count, 0, -1))
    # The monitor that is down comes last.
    assert found["state"] == "down"


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([], "pending"),
        (["up"], "up"),
        (["maintenance"], "maintenance"),
        (["up", "maintenance"], "maintenance"),
        (["up", "maintenance", "down"], "down"),
    ],
)
def test_the_overall_state_is_the_worst_one_and_not_up_in_maintenance(
    states: list[str], whole: str
) -> None:
    found = overall(**{state: state in states for state in ("up", "down", "maintenance")})

    assert found == whole


def test_the_summary_lists_maintenance_that_is_running_or_due_in_seven_days(
    client: TestClient, database_url: str
) -> None:
    shop, mail = add(client, name="Shop", group="Pay"), add(client, name="Mail")
    running = plan(client, once(database_url, -5, 5, name='A "b"', groups=["Pay"]))
    soon = plan(client, once(database_url, 60, 90))
    plan(client, once(database_url, 8 * 24 * 60, 8 * 24 * 60 + 1))
    plan(client, once(database_url, -5, 5, tags=["nobody"]))

    found = summary(client)

    assert Summary.model_validate(found).model_dump(mode="json") == found
    assert found["state"] == "maintenance"
    assert {monitor["name"]: monitor["state"] for monitor in found["monitors"]} == {
        "Shop": "maintenance",
        "Mail": "pending",
    }
    assert [(item["id"], item["name"]) for item in found["maintenance"]] == [
        (running["id"], 'A "b"'),
        (soon["id"], "Work"),
    ]
    assert [item["monitors"] for item in found["maintenance"]] == [[shop], [shop, mail]]
    assert found["maintenance"][0]["ends_at"] == running["period"]["ends_at"]


def test_long_lists_of_windows_and_their_monitors_are_truncated(
    client: TestClient, database_url: str
) -> None:
    execute(
        database_url,
        """
        WITH m AS (
            INSERT INTO monitors
                (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
            SELECT 'Site', 'http', '{}', 60, 10, 1 FROM generate_series(1, 150) RETURNING id
        ), s AS (INSERT INTO states (monitor_id) SELECT id FROM m),
        w AS (
            INSERT INTO maintenance_windows (name, all_monitors) VALUES ('Work', true) RETURNING id
        )
        INSERT INTO maintenance_periods
        SELECT w.id, now() + n * interval '1 h', now() + n * interval '1 h' + interval '1 min'
        FROM w, generate_series(1, 150) n
        """,
    )

    found = summary(client)["maintenance"]

    assert len(found) == PERIODS_LIMIT
    assert (len(found[0]["monitors"]), found[0]["monitor_count"]) == (MONITORS_LIMIT, 150)
