"""A monitor's life cycle, without the routes."""

import pytest
from fastapi.testclient import TestClient

from app.errors import InvalidFieldError, PreconditionFailedError
from app.monitors import service
from app.monitors.schemas import MONITOR_IN
from app.settings import Settings
from tests.integration.checks.support import add, claimed, execute, in_transaction, row
from tests.services import query

HTTP = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"}
TCP = {"name": "Port", "kind": "tcp", "host": "127.0.0.1", "port": 80}


def test_an_equal_configuration_changes_nothing(client: TestClient, database_url: str) -> None:
    number = add(client)
    before = query(database_url, "SELECT * FROM monitors JOIN schedule ON monitor_id = id")

    client.put(f"/api/monitors/{number}", json=HTTP)

    assert query(database_url, "SELECT * FROM monitors JOIN schedule ON monitor_id = id") == before


def test_a_changed_monitor_is_checked_at_once(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, interval_seconds=3600)
    claimed(settings)

    client.patch(f"/api/monitors/{number}", json={"url": "http://127.0.0.2/"})

    assert [claim.version for claim in claimed(settings)] == [2]


def test_a_paused_monitor_that_is_changed_stays_unscheduled(
    client: TestClient, settings: Settings
) -> None:
    number = add(client)
    client.post(f"/api/monitors/{number}/pause")

    client.patch(f"/api/monitors/{number}", json={"url": "http://127.0.0.2/"})

    assert claimed(settings) == []


def test_a_change_of_another_version_is_refused(client: TestClient, settings: Settings) -> None:
    number = add(client)
    client.patch(f"/api/monitors/{number}", json={"name": "Other"})

    for work in (
        lambda session: service.patch(session, number, {"name": "x"}, expected_version=1),
        lambda session: service.delete(session, number, expected_version=1),
        lambda session: service.pause(session, number, expected_version=1),
    ):
        with pytest.raises(PreconditionFailedError):
            in_transaction(settings, work)

    assert client.get(f"/api/monitors/{number}").json()["name"] == "Other"


def test_another_kind_is_refused(client: TestClient, settings: Settings) -> None:
    number = add(client)

    with pytest.raises(InvalidFieldError, match="kind"):
        in_transaction(
            settings,
            lambda session: service.change(session, number, MONITOR_IN.validate_python(TCP)),
        )

    answer = client.put(f"/api/monitors/{number}", json=TCP)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["kind"]


def test_a_deleted_monitor_leaves_no_sums_and_no_schedule(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    for table, begin in (("hourly_stats", "hour"), ("daily_stats", "day")):
        execute(
            database_url,
            f"INSERT INTO {table} (monitor_id, {begin}, checks, failed, up_ms, down_ms) "
            f"VALUES ({number}, now(), 1, 0, 1, 0)",
        )

    client.delete(f"/api/monitors/{number}")

    for table in ("hourly_stats", "daily_stats", "schedule", "states"):
        assert row(database_url, f"SELECT count(*) FROM {table}")["count"] == 0


@pytest.mark.parametrize(
    "change",
    [
        "interval_seconds = 1, timeout_seconds = 90",
        "name = repeat('x', 300)",
        'spec = spec || \'{"url": "gopher://x"}\'',
        "spec = spec || '{\"from_the_future\": 1}'",
        "spec = spec - 'verify_tls'",
    ],
)
def test_a_row_that_another_version_wrote_can_still_be_read(
    client: TestClient, database_url: str, change: str
) -> None:
    add(client)
    odd = add(client, name="Odd")
    execute(database_url, f"UPDATE monitors SET {change} WHERE id = {odd}")

    assert client.get(f"/api/monitors/{odd}").status_code == 200
    assert len(client.get("/api/monitors").json()["items"]) == 2
