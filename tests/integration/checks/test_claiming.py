"""Which checks are claimed, by which worker, and when they can be claimed again."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.checks.claiming import MARGIN_SECONDS, Floor, claim, release
from app.checks.schedule import GOLDEN
from app.checks.sweep import sweep
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    add,
    claimed,
    completed,
    execute,
    in_transaction,
    now,
    recorded,
    row,
    with_database,
)
from tests.services import query

SCHEDULE = "SELECT due_at, claimable_at, lease FROM schedule"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_slot(moment: datetime, monitor_id: int, interval: int) -> bool:
    """Compute separately whether `moment` is a whole number of intervals after the phase."""
    shift = timedelta(seconds=interval * (monitor_id * GOLDEN % 1))
    distance = (moment - EPOCH - shift) % timedelta(seconds=interval)
    return min(distance, timedelta(seconds=interval) - distance) < timedelta(milliseconds=1)


@pytest.mark.parametrize("interval", [5, 7, 60, 86400])
def test_a_claim_moves_its_monitor_on_to_the_next_slot(
    client: TestClient, settings: Settings, database_url: str, interval: int
) -> None:
    number = add(client, interval_seconds=interval, timeout_seconds=1)

    [claim] = claimed(settings)

    planned = row(database_url, SCHEDULE)
    assert claim.monitor_id == number
    assert is_slot(planned["due_at"], number, interval)
    latest = now(database_url) + timedelta(seconds=interval * 1.25)
    assert claim.due_at < planned["due_at"] <= latest
    assert planned["lease"] == claim.lease


def test_a_thousand_monitors_are_spread_evenly_over_their_interval(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    execute(
        database_url,
        """
        WITH m AS (
            INSERT INTO monitors
                (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
            SELECT 'Site', 'http', '{}', 100, 1, 1 FROM generate_series(1, 1000) RETURNING id
        )
        INSERT INTO schedule (monitor_id) SELECT id FROM m
        """,
    )
    claimed(settings, limit=1000)

    parts = query(
        database_url,
        "SELECT count(*) FROM schedule "
        "GROUP BY (extract(epoch FROM due_at)::numeric % 100)::int / 10",
    )

    counts = [part["count"] for part in parts]
    assert sum(counts) == 1000
    assert max(counts) <= 120


def test_slots_that_passed_while_nothing_ran_are_left_out(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    # Its next slot is more than the timeout away, so it is beyond what a claim looks ahead.
    add(client, interval_seconds=60, timeout_seconds=10)
    claimed(settings)
    execute(
        database_url,
        "UPDATE schedule SET due_at = due_at - interval '30 days', "
        "claimable_at = due_at - interval '30 days'",
    )

    assert len(claimed(settings)) == 1

    planned = row(database_url, SCHEDULE)["due_at"]
    assert timedelta(0) < planned - now(database_url) <= timedelta(seconds=70)
    assert claimed(settings) == []


def test_a_short_interval_needs_no_second_write_and_a_long_one_is_given_back_to_its_slot(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    short = add(client, interval_seconds=5, timeout_seconds=5)
    long = add(client, interval_seconds=3600, timeout_seconds=5)

    by_monitor = {claim.monitor_id: claim for claim in claimed(settings)}

    assert not by_monitor[short].leased
    assert by_monitor[long].leased
    lease_ends = by_monitor[long].due_at + timedelta(seconds=5 + MARGIN_SECONDS)
    statement = f"{SCHEDULE} WHERE monitor_id = "
    assert row(database_url, f"{statement}{long}")["claimable_at"] >= lease_ends
    written = row(database_url, f"SELECT ctid::text FROM schedule WHERE monitor_id = {short}")
    recorded(settings, *(completed(claim) for claim in by_monitor.values()))
    after = row(database_url, f"{statement}{long}")
    assert after["claimable_at"] == after["due_at"]
    assert after["lease"] is None
    unchanged = row(database_url, f"SELECT ctid::text FROM schedule WHERE monitor_id = {short}")
    assert unchanged == written


def test_an_unconfirmed_failure_is_retried_after_two_seconds(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, interval_seconds=3600, confirmations=2)
    [claim] = claimed(settings)
    done = completed(claim, FAILED)

    recorded(settings, done)

    retry = row(database_url, SCHEDULE)
    assert retry["due_at"] == done.checked_at + timedelta(seconds=2)
    assert retry["claimable_at"] == retry["due_at"]
    execute(database_url, "UPDATE schedule SET due_at = now(), claimable_at = now()")
    [again] = claimed(settings)
    recorded(settings, completed(again, FAILED))
    assert client.get("/api/status").json()["state"] == "down"
    assert row(database_url, SCHEDULE)["due_at"] - again.due_at > timedelta(seconds=10)


def test_a_check_of_a_killed_worker_is_claimed_again_when_its_lease_expires(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, interval_seconds=86400)
    [lost] = claimed(settings)
    assert claimed(settings) == []
    execute(database_url, "UPDATE schedule SET claimable_at = now()")

    [taken_over] = claimed(settings)

    assert taken_over.lease != lost.lease
    assert taken_over.due_at - now(database_url) < timedelta(seconds=1)


def test_a_released_claim_is_due_at_once_unless_another_worker_has_claimed_it(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, interval_seconds=3600)
    [first] = claimed(settings)
    in_transaction(settings, lambda session: release(session, [first]))
    assert row(database_url, SCHEDULE)["lease"] is None

    [second] = claimed(settings)
    in_transaction(settings, lambda session: release(session, [first]))

    assert second.due_at >= first.due_at
    assert row(database_url, SCHEDULE)["lease"] == second.lease


def test_claims_with_a_floor_find_checks_added_later(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    floor = Floor()
    for number in range(5):
        add(client, name=f"Site {number}")
    assert len(claimed(settings, limit=3, floor=floor)) == 3
    assert len(claimed(settings, limit=3, floor=floor)) == 2
    assert claimed(settings, floor=floor) == []

    add(client, name="Late")

    assert len(claimed(settings, floor=floor)) == 1


def test_a_claim_that_is_rolled_back_does_not_move_the_floor(
    client: TestClient, settings: Settings
) -> None:
    add(client)
    floor = Floor()

    async def fail(database: Database) -> None:
        async with database.transaction() as session:
            assert len(await claim(session, 10, floor)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_database(settings, fail)

    assert floor.at is None
    assert len(claimed(settings, floor=floor)) == 1


def test_the_sweep_finds_what_was_left_below_the_floor(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    floor = Floor()
    claimed(settings, floor=floor)
    add(client)
    execute(
        database_url,
        "UPDATE schedule SET due_at = now() - interval '1 min', "
        "claimable_at = now() - interval '1 min'",
    )
    assert claimed(settings, floor=floor) == []

    assert with_database(settings, sweep) == 1

    assert len(claimed(settings, floor=floor)) == 1


def test_a_clock_that_was_ahead_and_is_set_back_leaves_nothing_unclaimed(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    site = add(client, interval_seconds=60)
    add(client, name="Paused")
    client.post("/api/monitors/2/pause")
    body = {"name": "Job", "kind": "heartbeat", "period_seconds": 60, "grace_seconds": 10}
    job = client.post("/api/monitors", json=body).json()["id"]
    execute(
        database_url,
        "UPDATE schedule SET due_at = due_at + interval '40 days', "
        "claimable_at = claimable_at + interval '40 days', "
        "expected_from = expected_from + interval '40 days'",
    )

    assert with_database(settings, sweep) == 2

    assert [claim.monitor_id for claim in claimed(settings)] == [site]
    left = row(
        database_url, f"SELECT due_at - now() AS left FROM schedule WHERE monitor_id = {job}"
    )
    assert timedelta(seconds=60) < left["left"] <= timedelta(seconds=70)
    assert with_database(settings, sweep) == 0


def test_a_claim_passes_no_dead_versions_below_the_floor_while_a_snapshot_is_held(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    for number in range(20):
        add(client, name=f"Site {number}", interval_seconds=60)
    blocks = text(
        "SELECT pg_stat_get_xact_blocks_hit(to_regclass('ix_schedule_claimable_at')) "
        "+ pg_stat_get_xact_blocks_hit(to_regclass('schedule'))"
    )

    async def blocks_visited(database: Database) -> list[int]:
        # Dead rows left by earlier tests would be passed too.
        await asyncpg_execute(database_url, "VACUUM schedule")
        dump = await asyncpg.connect(database_url)
        await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await dump.execute("SELECT count(*) FROM schedule")
        for _ in range(200):
            await asyncpg_execute(
                database_url,
                "UPDATE schedule SET claimable_at = now() - interval '1 h', due_at = now()",
            )
        await asyncpg_execute(
            database_url, "UPDATE schedule SET claimable_at = now(), due_at = now()"
        )
        floor = Floor()
        async with database.transaction() as session:
            assert len(await claim(session, 100, floor)) == 20
        visited = []
        for known in (None, floor):
            async with database.transaction() as session:
                # As the planner does for a larger table.
                await session.execute(text("SET LOCAL enable_seqscan = off"))
                await session.execute(text("SET LOCAL enable_bitmapscan = off"))
                before = int(await session.scalar(blocks) or 0)
                assert await claim(session, 100, known) == []
                visited.append(int(await session.scalar(blocks) or 0) - before)
        await dump.close()
        return visited

    without, with_floor = with_database(settings, blocks_visited)

    assert with_floor < without / 3


async def asyncpg_execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(statement)
    await connection.close()


def test_two_workers_claim_no_monitor_twice(client: TestClient, settings: Settings) -> None:
    for number in range(30):
        add(client, name=f"Site {number}", interval_seconds=60)

    async def both(database: Database) -> list[int]:
        async with database.transaction() as one, database.transaction() as two:
            first = await claim(one, 20)
            second = await claim(two, 20)
            return [claimed.monitor_id for claimed in first + second]

    found = with_database(settings, both)

    assert sorted(found) == list(range(1, 31))


def test_the_schedule_has_no_unique_index(database_url: str) -> None:
    indexes = query(
        database_url,
        "SELECT indisunique FROM pg_index WHERE indrelid = 'schedule'::regclass",
    )

    assert [index["indisunique"] for index in indexes] == [False, False]
