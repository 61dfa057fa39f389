"""Partitions and retention, however much time has passed."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from app.checks.partitions import AHEAD_DAYS, maintain
from app.checks.recording import CompletedCheck
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import OK, add, execute, now, recorded, row, with_database
from tests.services import migrate, query


@pytest.fixture
def database_url(migrated_database: str) -> Iterator[str]:
    """Yield a database whose partitions the test may change: it is rebuilt afterwards."""
    execute(migrated_database, "TRUNCATE monitors, checks, notifications RESTART IDENTITY CASCADE")
    yield migrated_database
    execute(migrated_database, "DROP SCHEMA public CASCADE")
    execute(migrated_database, "CREATE SCHEMA public")
    migrate(migrated_database)


def maintained(settings: Settings) -> None:
    with_database(settings, lambda database: maintain(database, settings))


def partitions(database_url: str) -> set[str]:
    statement = (
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'checks'::regclass"
    )
    return {row["name"] for row in query(database_url, statement)}


def today(database_url: str) -> date:
    day: date = row(database_url, "SELECT (now() AT TIME ZONE 'UTC')::date AS day")["day"]
    return day


def name(day: date) -> str:
    return f"checks_{day:%Y%m%d}"


def test_partitions_exist_for_the_coming_week_and_a_second_run_changes_nothing(
    settings: Settings, database_url: str
) -> None:
    maintained(settings)
    made = partitions(database_url)
    days = [today(database_url) + timedelta(days=number) for number in range(2, AHEAD_DAYS)]

    assert {name(day) for day in days} <= made
    assert {"checks_before", "checks_default"} <= made
    maintained(settings)
    assert partitions(database_url) == made


def test_a_day_that_is_missing_in_the_middle_is_made(settings: Settings, database_url: str) -> None:
    missing = name(today(database_url) + timedelta(days=3))
    execute(database_url, f"DROP TABLE {missing}")

    maintained(settings)

    assert missing in partitions(database_url)


def test_results_that_went_to_the_default_partition_are_moved_to_their_day(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    moment = now(database_url) + timedelta(days=4)
    execute(database_url, f"DROP TABLE {name(moment.date())}")
    recorded(settings, CompletedCheck(number, moment, moment, OK))
    assert row(database_url, "SELECT count(*) FROM checks_default")["count"] == 1

    maintained(settings)

    assert row(database_url, "SELECT count(*) FROM checks_default")["count"] == 0
    assert row(database_url, f"SELECT count(*) FROM {name(moment.date())}")["count"] == 1
    assert len(client.get(f"/api/monitors/{number}/checks").json()["items"]) == 1


def test_after_a_standstill_of_a_month_results_are_stored_at_once_and_days_made(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    for day in [today(database_url) + timedelta(days=n) for n in range(2, 9)]:
        execute(database_url, f"DROP TABLE {name(day)}")
    execute(database_url, "ALTER TABLE checks DETACH PARTITION checks_before")
    moment = now(database_url)

    assert recorded(settings, CompletedCheck(number, moment, moment, OK)).stored == 1
    maintained(settings)

    day = today(database_url)
    assert row(database_url, f"SELECT count(*) FROM {name(moment.date())}")["count"] == 1
    assert {name(day + timedelta(days=n)) for n in range(7)} <= partitions(database_url)


def test_days_past_the_retention_are_dropped_and_others_are_kept(
    settings: Settings, database_url: str
) -> None:
    day = today(database_url)
    # Not the last day that is kept: midnight may come while this runs.
    kept = day - timedelta(days=settings.retention_days - 1)
    dropped = day - timedelta(days=settings.retention_days + 1)
    execute(database_url, "DROP TABLE checks_before")
    for other in (dropped, kept):
        execute(
            database_url,
            f"CREATE TABLE {name(other)} PARTITION OF checks FOR VALUES "
            f"FROM ('{other} 00:00+00') TO ('{other + timedelta(days=1)} 00:00+00')",
        )

    maintained(settings)

    assert name(kept) in partitions(database_url)
    assert name(dropped) not in partitions(database_url)


def test_results_in_the_default_partition_are_deleted_after_the_retention_time(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    midnight = datetime.combine(today(database_url), datetime.min.time(), UTC)
    oldest = midnight - timedelta(days=settings.retention_days)
    execute(database_url, "DROP TABLE checks_before")
    for moment in (oldest - timedelta(seconds=1), oldest + timedelta(days=1)):
        recorded(settings, CompletedCheck(number, moment, moment, OK))

    maintained(settings)

    assert row(database_url, "SELECT count(*) FROM checks_default")["count"] == 0
    assert len(client.get(f"/api/monitors/{number}/checks").json()["items"]) == 1


@pytest.mark.parametrize(("days", "kept"), [(12, True), (14, False)])
def test_checks_from_before_partitioning_are_dropped_after_the_retention_time(
    settings: Settings, database_url: str, days: int, kept: bool
) -> None:
    end = today(database_url) - timedelta(days=days)
    execute(database_url, "ALTER TABLE checks DETACH PARTITION checks_before")
    execute(
        database_url,
        "ALTER TABLE checks ATTACH PARTITION checks_before "
        f"FOR VALUES FROM (MINVALUE) TO ('{end} 00:00+00')",
    )

    maintained(settings)

    assert ("checks_before" in partitions(database_url)) is kept


def test_a_worker_whose_own_clock_is_wrong_drops_nothing(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Ahead":
            raise AssertionError("this process's clock is not asked")

    maintained(settings)
    made = partitions(database_url)
    monkeypatch.setattr("app.checks.partitions.datetime", Ahead)

    maintained(settings)

    assert partitions(database_url) == made


def test_sums_incidents_and_notifications_are_deleted_after_their_retention_time(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    channel = client.post(
        "/api/channels", json={"name": "Hook", "kind": "webhook", "url": "https://example.com/"}
    ).json()["id"]
    for table, begin, days in (("hourly_stats", "hour", 35), ("daily_stats", "day", 730)):
        execute(
            database_url,
            f"INSERT INTO {table} (monitor_id, {begin}, checks, failed, up_ms, down_ms) "
            f"SELECT {number}, now() - interval '1 day' * d, 1, 0, 1, 0 "
            f"FROM unnest(ARRAY[{days - 1}, {days + 1}]) AS d",
        )
    execute(
        database_url,
        "INSERT INTO incidents (monitor_id, opened_at, closed_at, cause) "
        f"SELECT {number}, now() - interval '1000 days', now() - interval '1 day' * d, 'x' "
        "FROM unnest(ARRAY[364, 366, NULL]) AS d",
    )
    execute(
        database_url,
        "INSERT INTO notifications (channel_id, event, payload, state, created_at) "
        f"SELECT {channel}, 'test', '{{}}', s, now() - interval '1 day' * d "
        "FROM (VALUES ('sent', 29), ('sent', 31), ('dead', 31), ('pending', 31)) AS v (s, d)",
    )

    maintained(settings)

    left = {
        table: row(database_url, f"SELECT count(*) FROM {table}")["count"]
        for table in ("hourly_stats", "daily_stats", "incidents", "notifications")
    }
    assert left == {"hourly_stats": 1, "daily_stats": 1, "incidents": 2, "notifications": 2}


def test_two_workers_that_maintain_at_once_do_not_wait_for_each_other(
    settings: Settings, database_url: str
) -> None:
    execute(database_url, f"DROP TABLE {name(today(database_url) + timedelta(days=5))}")

    async def twice(database: Database) -> None:
        await asyncio.gather(maintain(database, settings), maintain(database, settings))

    with_database(settings, twice)

    assert name(today(database_url) + timedelta(days=5)) in partitions(database_url)
