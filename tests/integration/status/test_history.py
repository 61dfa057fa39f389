"""Ninety days per monitor, from the same sums as the uptime."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks.recording import CompletedCheck, record
from app.checks.uptime import WINDOWS
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import FAILED, OK, add, execute, now, with_database


def history(client: TestClient, ids: str) -> Any:
    answer = client.get("/api/status/history", params={"ids": ids})
    assert answer.status_code == 200, answer.text
    return answer.json()


def store(settings: Settings, number: int, results: list[tuple[datetime, bool]]) -> None:
    async def run(database: Database) -> None:
        for moment, ok in results:
            done = CompletedCheck(number, moment, moment, OK if ok else FAILED)
            async with database.transaction() as session:
                await record(session, [done])

    with_database(settings, run)


def test_uptime_in_the_history_matches_the_uptime_of_the_monitor(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    numbers = [add(client, confirmations=1, interval_seconds=3600) for _ in range(2)]
    # The second one has only the current hour, which is in no sum yet.
    for number, hours in zip(numbers, (80, 0), strict=True):
        end = now(database_url) - timedelta(seconds=1)
        moments = [end - timedelta(minutes=13 * n) for n in range(5 * hours)]
        moments += [end - timedelta(seconds=n) for n in range(3)]
        results = [(moment, n % 7 != 3) for n, moment in enumerate(sorted(set(moments)))]
        store(settings, number, results)

    found = history(client, f"{numbers[1]},{numbers[0]}")

    assert [item["id"] for item in found["items"]] == numbers[::-1]
    for item in found["items"]:
        windows = client.get(f"/api/monitors/{item['id']}/uptime").json()
        assert item["uptime"] == {name: windows[name]["uptime"] for name in WINDOWS}
        assert len(item["days"]) == 90
    assert found["items"][1]["uptime"]["24h"] != found["items"][1]["uptime"]["7d"]
    assert sum(day is not None for day in found["items"][1]["days"]) >= 4


def test_days_end_with_today_and_what_is_not_known_is_null(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    execute(
        database_url,
        f"""
        INSERT INTO daily_stats (monitor_id, day, checks, failed, up_ms, down_ms)
        SELECT {number}, date_trunc('day', now(), 'UTC') - make_interval(days => ago), 10, 1, up,
            down
        FROM (VALUES (0, 9, 1), (2, 0, 5), (3, 0, 0), (89, 3, 1), (90, 0, 7), (91, 0, 9))
            AS v (ago, up, down)
        """,
    )
    execute(database_url, "UPDATE states SET hour_up_ms = 10")

    found = history(client, str(number))

    today = now(database_url).astimezone(UTC).date()
    [item] = found["items"]
    assert found["today"] == today.isoformat()
    assert item["days"] == [0.75] + [None] * 86 + [0, None, 0.95]
    # As in the window of 90 days, which reaches back to the beginning of the day before those.
    assert item["uptime"]["90d"] == (9 + 10 + 3) / (10 + 10 + 5 + 4 + 7)


@pytest.mark.parametrize(
    ("created", "expected"), [("3 days 5 minutes", "3 days"), ("2 days", "2 days")]
)
def test_known_since_is_the_first_day_with_data_or_when_the_monitor_was_added(
    client: TestClient, database_url: str, created: str, expected: str
) -> None:
    number = add(client)
    midnight = "date_trunc('day', now(), 'UTC')"
    execute(database_url, f"UPDATE monitors SET created_at = {midnight} - interval '{created}'")
    execute(
        database_url,
        f"""
        INSERT INTO daily_stats (monitor_id, day, checks, failed, up_ms, down_ms)
        SELECT {number}, {midnight} - make_interval(days => ago), 10, 0, up, 0
        FROM (VALUES (3, {1 if expected == "3 days" else 0}), (2, 1)) AS v (ago, up)
        """,
    )

    [item] = history(client, str(number))["items"]

    known = datetime.fromisoformat(item["known_since"])
    today = datetime.combine(now(database_url).astimezone(UTC), datetime.min.time(), UTC)
    assert today - known == timedelta(days=int(expected[0]))


def test_a_new_monitor_is_known_since_it_was_added(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    number = add(client)
    assert history(client, str(number))["items"][0]["known_since"] is None

    begin = now(database_url)
    execute(database_url, "UPDATE monitors SET created_at = date_trunc('hour', now())")
    execute(database_url, "UPDATE states SET hour_up_ms = 10")

    [item] = history(client, str(number))["items"]
    assert datetime.fromisoformat(item["known_since"]) == begin.replace(
        minute=0, second=0, microsecond=0
    )


def test_ids_of_unknown_monitors_are_left_out(client: TestClient) -> None:
    number = add(client)

    found = history(client, f"0,{number},{number},99,2147483648,9999999999")

    assert [item["id"] for item in found["items"]] == [number]
    assert found["items"][0] == {
        "id": number,
        "known_since": None,
        "uptime": dict.fromkeys(WINDOWS),
        "days": [None] * 90,
    }
    assert history(client, "99")["items"] == []


@pytest.mark.parametrize("ids", ["", "1,", "a", "-1", "1;2", ",".join(["1"] * 101)])
def test_anything_but_a_list_of_up_to_a_hundred_ids_is_refused(
    client: TestClient, ids: str
) -> None:
    answer = client.get("/api/status/history", params={"ids": ids})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "ids"


def test_a_client_with_a_current_copy_gets_304(client: TestClient) -> None:
    number = add(client)
    target = f"/api/status/history?ids={number}"
    etag = client.get(target).headers["ETag"]

    assert client.get(target, headers={"If-None-Match": etag}).status_code == 304
