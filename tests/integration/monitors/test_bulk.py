"""Many monitors in one request."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.checks.schedule import APART_SECONDS
from tests.integration.notifications.conftest import add_channel
from tests.services import query

SHOP = {"name": "Shop", "kind": "http", "url": "https://example.com/health"}
JSON = {"content-type": "application/json"}


def bulk(client: TestClient, monitors: list[Any]) -> Any:
    return client.post("/api/monitors/bulk", json={"monitors": monitors})


def all_monitors(client: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/api/monitors?limit=1000").json()["items"]
    return items


def test_a_thousand_monitors_are_added_in_one_request_in_their_order(client: TestClient) -> None:
    urls = [f"https://example.com/{number}" for number in range(1000)]

    answer = bulk(client, [SHOP | {"url": url, "tags": ["new"]} for url in urls])

    assert answer.status_code == 201, answer.text
    created = answer.json()["items"]
    assert [monitor["url"] for monitor in created] == urls
    assert all_monitors(client) == created


def test_bulk_and_single_requests_add_the_same(client: TestClient, database_url: str) -> None:
    named = add_channel(client, "https://example.com/hook")["id"]
    configs: list[dict[str, Any]] = [
        SHOP | {"group": "Payments", "tags": ["eu"], "headers": {"X-Token": "secret"}},
        {"name": "DB", "kind": "tcp", "host": "db.example.com", "port": 1, "channel_ids": [named]},
        {"name": "MX", "kind": "dns", "hostname": "example.com", "channel_ids": []},
        {"name": "Job", "kind": "heartbeat", "period_seconds": 60},
    ]
    own = {"id", "created_at", "updated_at", "since", "token", "ping_path"}

    together = bulk(client, configs).json()["items"]

    single = [client.post("/api/monitors", json=config).json() for config in configs]
    for one, other in zip(together, single, strict=True):
        assert {key: one[key] for key in one.keys() - own} == {
            key: other[key] for key in other.keys() - own
        }
    assert client.get("/api/monitors").json()["items"] == [*together, *single]
    late = "EXTRACT(epoch FROM due_at - expected_from)"
    # In minutes: a slow machine takes a second here or there.
    rows = query(
        database_url, f"SELECT round({late} / 60)::int AS late FROM schedule ORDER BY monitor_id"
    )
    assert [row["late"] for row in rows] == [0, 0, 0, 2] * 2


def test_first_checks_are_spread(client: TestClient, database_url: str) -> None:
    bulk(client, [SHOP] * 500)

    [times] = query(
        database_url,
        "SELECT extract(epoch FROM max(due_at) - min(due_at)) AS spread,"
        " count(DISTINCT due_at) AS count, bool_and(due_at = claimable_at) AS claimable"
        " FROM schedule",
    )

    assert float(times["spread"]) >= 499 * APART_SECONDS
    assert (times["count"], times["claimable"]) == (500, True)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"url": "ftp://example.com/"}, "monitors.17.url"),
        ({"kind": "carrier-pigeon"}, "monitors.17.kind"),
        ({"kind": "tcp"}, "monitors.17.host"),
        ({"headers": {"http": "a\r\nb"}}, "monitors.17.headers"),
        ({"headers": {"X-Token": "***"}}, "monitors.17.headers"),
        ({"channel_ids": [7]}, "monitors.17.channel_ids"),
        ({"tags": ["eu", ""]}, "monitors.17.tags.1"),
        ({"colour": "red"}, "monitors.17.colour"),
    ],
)
def test_an_invalid_monitor_is_named_and_nothing_is_added(
    client: TestClient, config: dict[str, Any], field: str
) -> None:
    monitors = [SHOP] * 17 + [SHOP | config] + [SHOP] * 10

    answer = bulk(client, monitors)

    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert all_monitors(client) == []


def test_an_item_that_is_not_an_object_is_named(client: TestClient) -> None:
    answer = bulk(client, [SHOP, "https://example.com/"])

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("monitors.1")


@pytest.mark.parametrize("monitors", [[], [SHOP] * 1001, None])
def test_empty_and_too_long_lists_are_refused(client: TestClient, monitors: Any) -> None:
    answer = bulk(client, monitors)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "monitors"


def test_only_the_bulk_route_accepts_a_body_of_a_thousand_monitors(
    client: TestClient,
) -> None:
    body = json.dumps({"monitors": [SHOP | {"keyword": "x" * 1000}] * 1000}).encode()

    there = client.post("/api/monitors/bulk", content=body, headers=JSON)
    elsewhere = client.post("/api/monitors", content=body, headers=JSON)
    too_long = client.post("/api/monitors/bulk", content=body * 2, headers=JSON)

    assert (there.status_code, elsewhere.status_code, too_long.status_code) == (201, 413, 413)


def test_concurrent_bulk_requests_are_all_added(client: TestClient) -> None:
    channels = [add_channel(client, f"https://example.com/{n}")["id"] for n in range(3)]

    def add(order: int) -> int:
        config = SHOP | {"channel_ids": channels[::order]}
        status: int = bulk(client, [config] * 200).status_code
        return status

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(add, [1, -1, 1, -1]))

    assert statuses == [201] * 4
    assert len(all_monitors(client)) == 800
