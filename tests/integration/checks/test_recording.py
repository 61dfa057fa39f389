"""What a result changes, and which results change nothing."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

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

STATE = "SELECT state, failures, checked_at, error FROM states"
COUNT = "SELECT count(*) FROM checks"


def test_the_result_of_a_monitor_that_was_changed_meanwhile_is_not_stored(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1)
    [claim] = claimed(settings)
    client.patch(f"/api/monitors/{number}", json={"url": "http://127.0.0.2/"})

    assert recorded(settings, completed(claim, FAILED)).stored == 0

    assert row(database_url, STATE)["state"] == "pending"
    assert row(database_url, COUNT)["count"] == 0


def test_a_result_passes_no_dead_versions_of_states_while_a_snapshot_is_held(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    numbers = [add(client, name=f"Site {number}") for number in range(20)]
    blocks = text(
        "SELECT pg_stat_get_xact_blocks_hit(to_regclass('ix_states_monitor_id_checked_at')) "
        "+ pg_stat_get_xact_blocks_hit(to_regclass('states'))"
    )

    async def blocks_visited(database: Database, dump: asyncpg.Connection) -> int:
        at = await dump.fetchval("SELECT clock_timestamp()")
        async with database.transaction() as session:
            # As the planner does for a larger table.
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            await session.execute(text("SET LOCAL enable_bitmapscan = off"))
            before = int(await session.scalar(blocks) or 0)
            await record(session, [CompletedCheck(number, at, at, OK) for number in numbers])
            return int(await session.scalar(blocks) or 0) - before

    async def before_and_after(database: Database) -> list[int]:
        dump = await asyncpg.connect(database_url)
        await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await dump.execute("SELECT count(*) FROM states")
        before = await blocks_visited(database, dump)
        for _ in range(100):
            async with database.transaction() as session:
                await session.execute(text("UPDATE states SET checked_at = clock_timestamp()"))
        after = await blocks_visited(database, dump)
        await dump.close()
        return [before, after]

    before, after = with_database(settings, before_and_after)

    assert after < 3 * before


def test_the_result_of_a_monitor_that_was_paused_meanwhile_is_not_stored(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    [claim] = claimed(settings)
    client.post(f"/api/monitors/{number}/pause")

    assert recorded(settings, completed(claim)).stored == 0

    schedule = row(database_url, "SELECT claimable_at = 'infinity' AS never FROM schedule")
    assert schedule["never"]


def test_the_result_of_a_deleted_monitor_is_not_stored(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    [claim] = claimed(settings)
    client.delete(f"/api/monitors/{number}")

    assert recorded(settings, completed(claim)).stored == 0
    assert row(database_url, COUNT)["count"] == 0


def test_an_older_result_that_is_stored_later_changes_no_state(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, confirmations=1)
    [claim] = claimed(settings)
    newer = completed(claim, OK, after=0.2)
    older = replace(
        completed(claim, FAILED, after=0.1), scheduled_at=claim.due_at - timedelta(seconds=1)
    )

    recorded(settings, newer)
    recorded(settings, older)

    state = row(database_url, STATE)
    assert (state["state"], state["checked_at"], state["error"]) == ("up", newer.checked_at, None)
    assert query(database_url, "SELECT * FROM incidents") == []
    assert row(database_url, COUNT)["count"] == 2


def test_a_state_from_a_clock_that_was_ahead_does_not_refuse_newer_results(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, confirmations=1)
    [claim] = claimed(settings)
    execute(
        database_url,
        "UPDATE states SET state = 'up', checked_at = now() + interval '40 days', "
        "hour = date_trunc('hour', now() + interval '40 days', 'UTC')",
    )

    recorded(settings, completed(claim, FAILED))

    assert row(database_url, STATE)["state"] == "down"


def test_a_result_that_cannot_be_kept_still_changes_state_incident_and_schedule(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client, confirmations=1, interval_seconds=3600)
    add(client, name="Other")
    execute(database_url, f"ALTER TABLE checks ADD CONSTRAINT no CHECK (monitor_id <> {number})")
    try:
        claims = claimed(settings)
        recorded(settings, *(completed(claim, FAILED) for claim in claims))
    finally:
        execute(database_url, "ALTER TABLE checks DROP CONSTRAINT no")

    assert row(database_url, f"{STATE} WHERE monitor_id = {number}")["state"] == "down"
    assert len(query(database_url, "SELECT * FROM incidents")) == 1
    planned = row(database_url, f"SELECT * FROM schedule WHERE monitor_id = {number}")
    assert planned["claimable_at"] == planned["due_at"] > now(database_url)
    assert [check["monitor_id"] for check in query(database_url, "SELECT * FROM checks")] == [2]


def test_an_outage_is_notified_although_the_disk_has_no_space_for_its_results(
    client: TestClient, settings: Settings, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"name": "Hook", "kind": "webhook", "url": "http://127.0.0.1:1/"}
    client.post("/api/channels", json=body)
    for name in ("Site", "Other"):
        add(client, name=name, confirmations=1)
    execute(
        database_url,
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
    )
    execute(
        database_url,
        "CREATE TRIGGER no_space BEFORE INSERT ON checks EXECUTE FUNCTION no_space()",
    )
    try:
        found = recorded(settings, *(completed(claim, FAILED) for claim in claimed(settings)))
    finally:
        execute(database_url, "DROP FUNCTION no_space CASCADE")

    assert found.notifications == 2
    assert {state["state"] for state in query(database_url, STATE)} == {"down"}
    assert query(database_url, "SELECT * FROM checks") == []
    assert "2 results were not kept" in caplog.text


def test_results_of_days_without_a_partition_are_stored_all_the_same(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    later = now(database_url) + timedelta(days=400)

    assert recorded(settings, CompletedCheck(number, later, later, OK)).stored == 1

    assert row(database_url, "SELECT count(*) FROM checks_default")["count"] == 1


def test_an_hour_takes_more_results_than_a_smallint_can_count(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    execute(
        database_url,
        "UPDATE states SET hour_checks = 40000, hour_latencies = array_fill(32767::smallint, "
        "ARRAY[65])",
    )
    moment = now(database_url)

    assert recorded(settings, CompletedCheck(number, moment, moment, OK)).stored == 1

    sums = row(database_url, "SELECT hour_checks, hour_latencies FROM states")
    assert sums["hour_checks"] == 40001
    assert set(sums["hour_latencies"]) == {32767}
    # When the hour is over it is added to one that is as full.
    for hours in (1, 0):
        execute(
            database_url,
            f"UPDATE states SET hour = hour - interval '{hours} h', checked_at = NULL, "
            "hour_latencies = array_fill(32767::smallint, ARRAY[65])",
        )
        moment = now(database_url)
        assert recorded(settings, CompletedCheck(number, moment, moment, OK)).stored == 1
