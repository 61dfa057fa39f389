"""Windows for monitors that are checked from several locations."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from app.checks.switching import switch
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    add,
    claimed,
    completed,
    execute,
    now,
    recorded,
    with_database,
)
from tests.integration.maintenance.support import events, period, state_of
from tests.integration.notifications.conftest import add_channel

HOUR = timedelta(hours=1)
PLACES = ["frankfurt", "tokyo"]


@pytest.fixture(autouse=True)
def channel(client: TestClient) -> None:
    add_channel(client, "https://example.com/hook")


def fail_everywhere(settings: Settings) -> int:
    """Fail all due checks at all locations; return their number."""
    count = 0
    for place in PLACES:
        claims = claimed(settings, location=place)
        recorded(settings, *[completed(claim, FAILED) for claim in claims])
        count += len(claims)
    return count


def test_a_monitor_that_fails_at_all_locations_is_reported_when_the_window_ends(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(
        client, locations=PLACES, min_failing_locations=2, confirmations=1, interval_seconds=86400
    )
    period(database_url, now(database_url) - HOUR, now(database_url) + HOUR)
    with_database(settings, switch)
    assert fail_everywhere(settings) == 2
    quiet = (state_of(client, number), events(database_url))
    execute(database_url, "UPDATE maintenance_periods SET ends_at = now()")

    with_database(settings, switch)

    assert fail_everywhere(settings) == 2
    assert quiet == ("maintenance", [])
    assert (state_of(client, number), events(database_url)) == ("down", ["incident.opened"])


def test_the_next_result_from_any_location_notices_that_a_window_has_ended(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, locations=PLACES, confirmations=1)
    period(database_url, now(database_url) - HOUR, now(database_url) + HOUR)
    fail_everywhere(settings)
    quiet = (state_of(client, number), events(database_url))
    execute(database_url, "UPDATE maintenance_periods SET ends_at = now()")
    execute(database_url, "UPDATE location_schedule SET claimable_at = now(), due_at = now()")

    fail_everywhere(settings)

    assert quiet == ("maintenance", [])
    assert (state_of(client, number), events(database_url)) == ("down", ["incident.opened"])
