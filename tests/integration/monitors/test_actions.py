"""Actions on many monitors in one request."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.integration.checks.support import FAILED, claimed, completed, recorded, row
from tests.integration.notifications.conftest import add_channel
from tests.services import query

SHOP = {"name": "Shop", "kind": "http", "url": "http://127.0.0.1/", "confirmations": 1}


def add(client: TestClient, count: int, **config: Any) -> list[int]:
    answer = client.post("/api/monitors/bulk", json={"monitors": [SHOP | config] * count})
    assert answer.status_code == 201, answer.text
    return [monitor["id"] for monitor in answer.json()["items"]]


def act(client: TestClient, action: str, ids: list[int], **tags: Any) -> dict[str, list[int]]:
    answer = client.post("/api/monitors/actions", json={"action": action, "ids": ids} | tags)
    assert answer.status_code == 200, answer.text
    done: dict[str, list[int]] = answer.json()
    return done


def monitors(client: TestClient) -> dict[int, dict[str, Any]]:
    items = client.get("/api/monitors?limit=1000").json()["items"]
    return {item["id"]: item for item in items}


def test_monitors_are_paused_and_resumed_and_those_already_so_are_unchanged(
    client: TestClient,
) -> None:
    ids = add(client, 5)
    act(client, "pause", ids[:2])

    paused = act(client, "pause", ids[::-1])
    states = [monitor["state"] for monitor in monitors(client).values()]
    resumed = act(client, "resume", ids[1:])

    assert paused == {"changed": ids[2:], "missing": []}
    assert states == ["paused"] * 5
    assert resumed["changed"] == ids[1:]
    assert [monitor["state"] for monitor in monitors(client).values()] == [
        "paused", *["pending"] * 4
    ]  # fmt: skip  # one a line would be longer, not clearer


def test_paused_monitors_are_not_claimed_and_resumed_ones_are(
    client: TestClient, settings: Settings
) -> None:
    ids = add(client, 5)

    act(client, "pause", ids[:3])
    assert {claim.monitor_id for claim in claimed(settings)} == set(ids[3:])
    act(client, "resume", ids)
    assert {claim.monitor_id for claim in claimed(settings)} == set(ids[:3])


def test_pausing_monitors_closes_their_incidents_without_notifications(
    client: TestClient, settings: Settings
) -> None:
    add_channel(client, "https://example.com/hook")
    ids = add(client, 3)
    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])

    act(client, "pause", ids)

    assert client.get("/api/incidents?state=open").json()["items"] == []
    events = [item["event"] for item in client.get("/api/notifications").json()["items"]]
    assert events == ["incident.opened"] * 3


def test_deleting_monitors_removes_all_of_their_rows_and_no_others(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook")
    ids = add(client, 4)
    recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])
    for table, begin in (("hourly_stats", "hour"), ("daily_stats", "day")):
        query(
            database_url,
            f"INSERT INTO {table} (monitor_id, {begin}, checks, failed, up_ms, down_ms) "
            "SELECT id, now(), 1, 0, 1, 0 FROM monitors",
        )

    done = act(client, "delete", [*ids[:3], 4711])

    assert done == {"changed": ids[:3], "missing": [4711]}
    assert list(monitors(client)) == ids[3:]
    for table in (
        "states",
        "schedule",
        "incidents",
        "notifications",
        "hourly_stats",
        "daily_stats",
    ):
        found = query(database_url, f"SELECT DISTINCT monitor_id FROM {table}")
        assert [row["monitor_id"] for row in found] == ids[3:], table


def test_tags_are_added_and_removed_and_only_what_changes_has_a_new_version(
    client: TestClient,
) -> None:
    [with_both] = add(client, 1, tags=["eu", "new"])
    [with_one] = add(client, 1, tags=["eu"])

    done = act(client, "tag", [with_one, with_both], add_tags=["eu"], remove_tags=["new", "x"])

    assert done == {"changed": [with_both], "missing": []}
    assert [monitor["tags"] for monitor in monitors(client).values()] == [["eu"], ["eu"]]
    etags = [client.get(f"/api/monitors/{one}").headers["etag"] for one in (with_both, with_one)]
    assert etags == ['"2"', '"1"']


def test_a_check_interrupted_by_a_tag_change_is_claimed_again(
    client: TestClient, settings: Settings
) -> None:
    under_way, waiting, paused = add(client, 3, interval_seconds=86400)
    act(client, "pause", [paused])
    done, claim = sorted(claimed(settings), key=lambda claim: claim.monitor_id, reverse=True)
    assert (done.monitor_id, claim.monitor_id) == (waiting, under_way)
    recorded(settings, completed(done))

    act(client, "tag", [under_way, waiting, paused], add_tags=["eu"])

    assert recorded(settings, completed(claim)).stored == 0
    assert [again.monitor_id for again in claimed(settings)] == [under_way]


def test_one_monitor_with_too_many_tags_stops_the_whole_change(
    client: TestClient,
) -> None:
    [first] = add(client, 1)
    [full] = add(client, 1, tags=[f"tag {number}" for number in range(20)])

    answer = client.post(
        "/api/monitors/actions", json={"action": "tag", "ids": [first, full], "add_tags": ["eu"]}
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "add_tags"
    assert f"monitor {full} " in answer.json()["detail"]
    assert monitors(client)[first]["tags"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "explode", "ids": [1]}, "action"),
        ({"action": "pause", "ids": []}, "ids"),
        ({"action": "pause", "ids": [0]}, "ids.0"),
        ({"action": "pause", "ids": [2**31]}, "ids.0"),
        ({"action": "pause", "ids": ["1"]}, "ids.0"),
        ({"action": "pause", "ids": list(range(1, 1002))}, "ids"),
        ({"action": "pause", "ids": [1], "add_tags": ["eu"]}, "add_tags"),
        ({"action": "tag", "ids": [1], "add_tags": ["eu"], "remove_tags": ["eu"]}, "add_tags"),
        ({"action": "tag", "ids": [1], "add_tags": [""]}, "add_tags.0"),
    ],
)
def test_an_invalid_bulk_action_is_refused(
    client: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/monitors/actions", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_concurrent_actions_and_results_do_not_deadlock(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook")
    ids = add(client, 100, interval_seconds=5)

    def turn(action: str, order: int, **tags: Any) -> Callable[[], object]:
        return lambda: [act(client, action, ids[::order], **tags) for _ in range(5)]

    def check() -> None:
        for _ in range(5):
            recorded(settings, *[completed(claim, FAILED) for claim in claimed(settings)])

    work = [
        turn("pause", 1),
        turn("resume", -1),
        turn("tag", 1, add_tags=["eu"]),
        turn("tag", -1, remove_tags=["eu"]),
        check,
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(part) for part in work]:
            future.result()

    act(client, "delete", ids)
    assert row(database_url, "SELECT count(*) FROM monitors")["count"] == 0
