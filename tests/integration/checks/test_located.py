"""Monitors that are checked from several locations, and the state that follows from the results."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.checks.claiming import Claim
from app.checks.recording import CompletedCheck, record
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    OK,
    add,
    claimed,
    completed,
    execute,
    now,
    recorded,
    row,
    with_database,
)
from tests.services import query

PLACES = ["frankfurt", "tokyo", "virginia"]
STATE = "SELECT state, error, checked_at, hour_checks, hour_failed FROM states"
SEEN = "SELECT location, state FROM location_states ORDER BY location"
OPEN = "SELECT cause FROM incidents WHERE closed_at IS NULL"


class Worker:
    """A location's worker, which checks again at once, in the test's own time."""

    def __init__(self, settings: Settings, database_url: str, location: str) -> None:
        self._settings = settings
        self._database_url = database_url
        self.location = location

    def checks(self, result: Any = OK, *, times: int = 1) -> None:
        for _ in range(times):
            due = "UPDATE location_schedule SET claimable_at = now(), due_at = now()"
            execute(self._database_url, f"{due} WHERE location = '{self.location}'")
            for found in claimed(self._settings, location=self.location):
                recorded(self._settings, completed(found, result))


@pytest.fixture
def workers(settings: Settings, database_url: str) -> list[Worker]:
    return [Worker(settings, database_url, location) for location in PLACES]


def test_a_result_is_stored_with_its_location(client: TestClient, workers: list[Worker]) -> None:
    number = add(client, locations=PLACES)

    for worker in workers:
        worker.checks()

    items = client.get(f"/api/monitors/{number}/checks").json()["items"]
    assert [item["location"] for item in items] == PLACES[::-1]


def test_one_failing_location_causes_no_outage_if_two_must_fail(
    client: TestClient, workers: list[Worker], database_url: str
) -> None:
    add(client, locations=PLACES, min_failing_locations=2)
    for worker in workers:
        worker.checks()

    workers[0].checks(FAILED, times=5)

    state = row(database_url, STATE)
    assert (state["state"], state["error"]) == ("up", "status 503 from frankfurt")
    assert (state["hour_checks"], state["hour_failed"]) == (8, 5)
    assert [found["state"] for found in query(database_url, SEEN)] == ["down", "up", "up"]
    assert query(database_url, "SELECT * FROM incidents") == []


def test_two_failing_locations_open_one_incident_that_names_them_until_one_recovers(
    client: TestClient, workers: list[Worker], database_url: str
) -> None:
    add(client, locations=PLACES, min_failing_locations=2)
    for worker in workers:
        worker.checks()

    workers[0].checks(FAILED, times=2)
    workers[1].checks(FAILED, times=2)

    assert row(database_url, STATE)["state"] == "down"
    assert row(database_url, OPEN)["cause"] == "status 503 from frankfurt, tokyo"

    workers[2].checks()
    assert row(database_url, STATE)["state"] == "down", "it still fails from two"

    workers[1].checks()
    assert row(database_url, STATE)["state"] == "up"
    assert query(database_url, OPEN) == []
    assert len(query(database_url, "SELECT * FROM incidents")) == 1


def test_a_failure_is_confirmed_where_it_was_found(
    client: TestClient, settings: Settings, workers: list[Worker], database_url: str
) -> None:
    add(client, locations=PLACES, confirmations=3, interval_seconds=3600)
    for worker in workers:
        worker.checks()

    workers[0].checks(FAILED)

    # The others are due at the next slot of their hour, which may be near.
    first = "SELECT location, due_at < now() + interval '1 min' AS soon FROM location_schedule"
    found = query(database_url, f"{first} ORDER BY due_at LIMIT 1")
    assert [(row["location"], row["soon"]) for row in found] == [("frankfurt", True)]
    assert row(database_url, STATE)["state"] == "up"
    workers[1].checks(FAILED)
    workers[0].checks(FAILED)
    assert row(database_url, STATE)["state"] == "up", "no location has failed three times"
    workers[0].checks(FAILED)
    assert row(database_url, STATE)["state"] == "down"


def test_locations_without_a_worker_do_not_hide_an_outage(
    client: TestClient, workers: list[Worker], database_url: str
) -> None:
    add(client, locations=PLACES, min_failing_locations=2, interval_seconds=5, timeout_seconds=1)

    workers[0].checks(FAILED, times=2)
    assert row(database_url, STATE)["state"] == "pending", "the others may yet report"

    execute(
        database_url,
        "UPDATE location_states SET unbroken_since = unbroken_since - interval '2 min'",
    )
    workers[0].checks(FAILED)
    assert row(database_url, STATE)["state"] == "down"
    assert row(database_url, OPEN)["cause"] == "status 503 from frankfurt"


def test_after_a_standstill_the_first_location_does_not_decide_alone(
    client: TestClient, workers: list[Worker], database_url: str
) -> None:
    add(client, locations=PLACES, min_failing_locations=2, interval_seconds=5, timeout_seconds=1)
    for worker in workers:
        worker.checks()
    execute(
        database_url,
        "UPDATE location_states SET checked_at = checked_at - interval '7 days', "
        "unbroken_since = unbroken_since - interval '30 days'",
    )

    workers[0].checks(FAILED, times=3)

    assert row(database_url, STATE)["state"] == "up"


def test_a_result_that_is_stored_after_a_newer_one_from_elsewhere_counts_for_its_location(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, locations=PLACES[:2], confirmations=1)
    [first] = claimed(settings, location="frankfurt")
    [second] = claimed(settings, location="tokyo")

    recorded(settings, completed(second, OK, after=0.5))
    recorded(settings, completed(first, FAILED, after=0.1))

    state = row(database_url, STATE)
    assert (state["state"], state["hour_checks"]) == ("down", 2)
    assert state["checked_at"] == second.due_at + timedelta(seconds=0.5)


def test_an_older_result_of_the_same_location_changes_nothing(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, locations=PLACES[:1], confirmations=1)
    [found] = claimed(settings, location="frankfurt")
    older = replace(
        completed(found, FAILED, after=0.1), scheduled_at=found.due_at - timedelta(seconds=1)
    )

    recorded(settings, completed(found, OK, after=0.5))
    recorded(settings, older)

    assert row(database_url, STATE)["state"] == "up"
    assert row(database_url, "SELECT count(*) FROM checks")["count"] == 2


def test_results_of_a_location_removed_from_the_monitor_are_ignored(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, locations=PLACES, confirmations=1)
    [found] = claimed(settings, location="frankfurt")
    client.patch(f"/api/monitors/{number}", json={"locations": PLACES[1:]})

    assert recorded(settings, completed(found, FAILED)).stored == 0

    assert row(database_url, STATE)["state"] == "pending"
    assert claimed(settings, location="frankfurt") == []


def test_a_check_on_demand_is_stored_but_does_not_change_the_state(
    client: TestClient, workers: list[Worker], database_url: str
) -> None:
    number = add(client, locations=PLACES, confirmations=1, url="http://127.0.0.1:9/")
    for worker in workers:
        worker.checks()

    answer = client.post(f"/api/monitors/{number}/check").json()

    assert (answer["ok"], answer["location"]) == (False, None)
    assert row(database_url, STATE)["state"] == "up"
    assert row(database_url, "SELECT count(*) FROM checks WHERE location IS NULL")["count"] == 1


def test_results_of_the_same_monitors_from_two_locations_at_once_wait_for_each_other_and_all_count(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    numbers = [
        add(client, name=f"Site {number}", locations=PLACES[:2], confirmations=1)
        for number in range(10)
    ]
    found = [claimed(settings, location=location) for location in PLACES[:2]]

    async def both(database: Database) -> None:
        async def store(claims: Sequence[Claim]) -> None:
            for part in claims, claims[::-1]:
                results = [completed(each, FAILED, after=0.1) for each in part]
                async with database.transaction() as session:
                    await record(session, results)

        await asyncio.gather(*(store(claims) for claims in (found[0], found[1][::-1])))

    with_database(settings, both)

    seen = query(database_url, "SELECT count(*) FROM location_states WHERE state = 'down'")
    assert seen[0]["count"] == 2 * len(numbers)
    assert {state["hour_checks"] for state in query(database_url, STATE)} == {2}
    assert len(query(database_url, OPEN)) == len(numbers)


def test_a_result_passes_no_dead_versions_while_a_snapshot_is_held(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    for number in range(20):
        add(client, name=f"Site {number}", locations=PLACES)
    blocks = text(
        "SELECT pg_stat_get_xact_blocks_hit(to_regclass("
        "'ix_location_states_monitor_id_location_checked_at')) "
        "+ pg_stat_get_xact_blocks_hit(to_regclass('location_states'))"
    )
    claims = claimed(settings, location="frankfurt")
    moment = now(database_url)

    async def blocks_visited(database: Database, number: int) -> int:
        at = moment + timedelta(milliseconds=number)
        results = [CompletedCheck.of(found, at, OK) for found in claims]
        async with database.transaction() as session:
            # As the planner does for a larger table.
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            await session.execute(text("SET LOCAL enable_bitmapscan = off"))
            before = int(await session.scalar(blocks) or 0)
            await record(session, results)
            return int(await session.scalar(blocks) or 0) - before

    async def before_and_after(database: Database) -> list[int]:
        dump = await asyncpg.connect(database_url)
        await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await dump.execute("SELECT count(*) FROM location_states")
        visited = [await blocks_visited(database, number) for number in range(100)]
        await dump.close()
        return [visited[1], visited[-1]]

    before, after = with_database(settings, before_and_after)

    assert after < 3 * before


def test_the_time_between_results_is_counted_once_however_many_locations_there_are(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, locations=PLACES)
    moment = now(database_url)
    for number, location in enumerate(PLACES):
        [found] = claimed(settings, location=location)
        at = moment + timedelta(seconds=2 * number)
        recorded(settings, CompletedCheck.of(found, at, OK))

    known = row(
        database_url,
        "SELECT hour_up_ms + coalesce((SELECT sum(up_ms) FROM hourly_stats), 0) AS up_ms, "
        "hour_down_ms FROM states",
    )

    # If an hour ends in between, a fraction of a millisecond is lost.
    assert (known["up_ms"], known["hour_down_ms"]) == (pytest.approx(4000, abs=1), 0)
