"""The group and the tags of monitors, whatever their kind."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.services import query

KINDS: dict[str, dict[str, Any]] = {
    "http": {"url": "https://example.com/health"},
    "tcp": {"host": "db.example.com", "port": 5432},
    "dns": {"hostname": "example.com"},
    "heartbeat": {"period_seconds": 3600},
}


def create(client: TestClient, kind: str = "http", **config: Any) -> Any:
    body = {"name": "Shop", "kind": kind} | KINDS[kind] | config
    return client.post("/api/monitors", json=body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_monitor_of_any_kind_has_a_group_and_tags_in_their_order(
    client: TestClient, kind: str
) -> None:
    created = create(client, kind, group="Payments", tags=["production", "eu"]).json()

    read = client.get(f"/api/monitors/{created['id']}").json()

    assert (read["group"], read["tags"]) == ("Payments", ["production", "eu"])


def test_without_them_a_monitor_has_no_group_and_no_tags(client: TestClient) -> None:
    created = create(client).json()

    assert (created["group"], created["tags"]) == (None, [])


def test_a_tag_that_is_repeated_counts_once(client: TestClient) -> None:
    created = create(client, group=" Payments ", tags=["eu", "production", " eu "]).json()

    assert (created["group"], created["tags"]) == ("Payments", ["eu", "production"])


def test_equal_tags_are_no_change_and_another_order_is_one(client: TestClient) -> None:
    created = create(client, group="Payments", tags=["production", "eu"])
    path = created.headers["location"]

    same = client.patch(path, json={"group": "Payments", "tags": ["production", "eu", "eu"]})
    turned = client.patch(path, json={"tags": ["eu", "production"]})

    assert same.headers["etag"] == created.headers["etag"]
    assert turned.headers["etag"] == '"2"'
    assert (turned.json()["group"], turned.json()["tags"]) == ("Payments", ["eu", "production"])


def test_group_and_tags_can_be_removed(client: TestClient) -> None:
    path = create(client, group="Payments", tags=["eu"]).headers["location"]

    changed = client.patch(path, json={"group": None, "tags": []}).json()

    assert (changed["group"], changed["tags"]) == (None, [])


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"group": ""}, "group"),
        ({"group": "x" * 101}, "group"),
        ({"group": "a\nb"}, "group"),
        ({"tags": None}, "tags"),
        ({"tags": "eu"}, "tags"),
        ({"tags": [f"tag {number}" for number in range(21)]}, "tags"),
        ({"tags": ["eu", " "]}, "tags.1"),
        ({"tags": ["x" * 51]}, "tags.0"),
        ({"tags": ["a\u202eb"]}, "tags.0"),
    ],
)
def test_an_invalid_group_or_tag_is_refused(
    client: TestClient, config: dict[str, Any], field: str
) -> None:
    answer = create(client, **config)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


def test_a_monitor_added_by_the_previous_version_has_no_group_or_tags(
    client: TestClient, database_url: str
) -> None:
    [added] = query(
        database_url,
        """
        WITH added AS (
            INSERT INTO monitors (name, kind, spec, interval_seconds, timeout_seconds,
                                  confirmations)
            VALUES ('Old', 'tcp', '{"host": "db.example.com", "port": 1}', 60, 10, 2)
            RETURNING id
        )
        INSERT INTO states (monitor_id) SELECT id FROM added RETURNING monitor_id
        """,
    )

    read = client.get(f"/api/monitors/{added['monitor_id']}").json()

    assert (read["group"], read["tags"]) == (None, [])
