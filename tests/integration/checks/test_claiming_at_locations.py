"""Which checks are claimed by a worker at a location."""

import asyncpg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.checks.claiming import Floor, claim, release
from app.checks.sweep import sweep
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import (
    add,
    claimed,
    execute,
    in_transaction,
    row,
    with_database,
)
from tests.services import query

PLACES = ["frankfurt", "tokyo", "virginia"]


def test_a_worker_claims_only_checks_of_its_location_or_those_without_one(
    client: TestClient, settings: Settings
) -> None:
    anywhere = add(client)
    abroad = add(client, locations=PLACES[:2])

    assert [found.monitor_id for found in claimed(settings)] == [anywhere]
    for location in PLACES[:2]:
        [found] = claimed(settings, location=location)
        assert (found.monitor_id, found.location) == (abroad, location)
        assert claimed(settings, location=location) == []
    assert claimed(settings, location="virginia") == []


def test_the_locations_of_a_monitor_share_its_interval(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, locations=PLACES, interval_seconds=60)
    for location in PLACES:
        assert len(claimed(settings, location=location)) == 1

    times = query(
        database_url,
        "SELECT extract(epoch FROM due_at)::float8 AS at FROM location_schedule ORDER BY due_at",
    )

    first, second, third = (found["at"] for found in times)
    steps = sorted((second - first, third - second, first + 60 - third))
    assert steps == pytest.approx([20, 20, 20], abs=0.001)


def test_a_claim_that_is_released_is_claimed_again_at_its_location(
    client: TestClient, settings: Settings
) -> None:
    add(client, locations=PLACES)
    [found] = claimed(settings, location="tokyo")

    in_transaction(settings, lambda session: release(session, [found]))

    assert [again.location for again in claimed(settings, location="tokyo")] == ["tokyo"]


def test_a_claim_passes_no_dead_versions_that_lie_below_the_floor(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    for number in range(20):
        add(client, name=f"Site {number}", interval_seconds=60, locations=["tokyo"])
    index = "ix_location_schedule_location_claimable_at"
    blocks = text(
        f"SELECT pg_stat_get_xact_blocks_hit(to_regclass('{index}')) "
        "+ pg_stat_get_xact_blocks_hit(to_regclass('location_schedule'))"
    )

    async def blocks_visited(database: Database) -> list[int]:
        dump = await asyncpg.connect(database_url)
        await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await dump.execute("SELECT count(*) FROM location_schedule")
        writer = await asyncpg.connect(database_url)
        for _ in range(200):
            await writer.execute(
                "UPDATE location_schedule SET claimable_at = now() - interval '1 h', due_at = now()"
            )
        await writer.execute("UPDATE location_schedule SET claimable_at = now(), due_at = now()")
        await writer.close()
        floor = Floor()
        async with database.transaction() as session:
            assert len(await claim(session, 100, floor, "tokyo")) == 20
        visited = []
        for known in (None, floor):
            async with database.transaction() as session:
                # As the planner does for a larger table.
                await session.execute(text("SET LOCAL enable_seqscan = off"))
                await session.execute(text("SET LOCAL enable_bitmapscan = off"))
                before = int(await session.scalar(blocks) or 0)
                assert await claim(session, 100, known, "tokyo") == []
                visited.append(int(await session.scalar(blocks) or 0) - before)
        await dump.close()
        return visited

    without, with_floor = with_database(settings, blocks_visited)

    assert with_floor < without / 3


def test_a_sweep_leaves_checks_of_other_locations_alone(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, locations=["tokyo", "virginia"])
    execute(database_url, "UPDATE location_schedule SET claimable_at = now() - interval '1 h'")

    assert with_database(settings, sweep) == 0
    assert with_database(settings, lambda database: sweep(database, "tokyo")) == 1

    late = "SELECT location FROM location_schedule WHERE claimable_at < now() - interval '1 min'"
    assert row(database_url, late)["location"] == "virginia"
