"""Which channels a monitor notifies."""

import asyncio
from threading import Thread
from typing import Any

import asyncpg
import pytest
from fastapi.testclient import TestClient

from tests.integration.notifications.conftest import (
    add_channel,
    add_monitor,
    check,
    notifications,
)
from tests.services import query
from tests.sites import Site


def named(client: TestClient, monitor: dict[str, Any]) -> Any:
    return client.get(f"/api/monitors/{monitor['id']}").json()["channel_ids"]


def test_a_monitor_may_name_its_channels(client: TestClient, site: Site) -> None:
    add_channel(client, site.url)
    chosen = add_channel(client, site.url)
    monitor = add_monitor(client, site, channel_ids=[chosen["id"]])

    check(client, monitor, site, 503)

    assert [notification["channel_id"] for notification in notifications(client)] == [chosen["id"]]


def test_a_monitor_that_names_no_channels_notifies_all_of_them_including_new_ones(
    client: TestClient, site: Site
) -> None:
    monitor = add_monitor(client, site)
    add_channel(client, site.url)
    add_channel(client, site.url)

    check(client, monitor, site, 503)

    assert named(client, monitor) is None
    assert [notification["channel_id"] for notification in notifications(client)] == [1, 2]


def test_a_monitor_may_notify_no_channel(client: TestClient, site: Site) -> None:
    add_channel(client, site.url)
    monitor = add_monitor(client, site, channel_ids=[])

    check(client, monitor, site, 503)

    assert named(client, monitor) == []
    assert notifications(client) == []


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_channels_of_a_monitor_can_be_changed_and_read_everywhere(
    client: TestClient, site: Site, method: str
) -> None:
    first, second = (add_channel(client, site.url)["id"] for _ in range(2))
    monitor = add_monitor(client, site, channel_ids=[second, first, second])
    path = f"/api/monitors/{monitor['id']}"
    assert monitor["channel_ids"] == [first, second]
    config = {"name": "Site", "kind": "http", "url": site.url}

    for channel_ids in ([second], None, [first], []):
        changes = {"channel_ids": channel_ids} | (config if method == "put" else {})
        changed = client.request(method.upper(), path, json=changes).json()
        assert changed["channel_ids"] == channel_ids == named(client, monitor)
        [listed] = client.get("/api/monitors").json()["items"]
        assert listed["channel_ids"] == channel_ids
    client.patch(path, json={"channel_ids": [first]})
    assert client.patch(path, json={"name": "Other"}).json()["channel_ids"] == [first]


def test_channels_that_do_not_exist_are_refused_and_named(client: TestClient, site: Site) -> None:
    channel = add_channel(client, site.url)["id"]
    body = {"name": "Site", "kind": "http", "url": site.url}
    monitor = add_monitor(client, site, channel_ids=[channel])
    path = f"/api/monitors/{monitor['id']}"
    unknown = {"channel_ids": [channel, 77]}

    answers = [
        client.post("/api/monitors", json=body | unknown),
        client.put(path, json=body | unknown),
        client.patch(path, json=unknown),
    ]

    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "channel_ids", "detail": "there is no channel 77"}
        ]
    assert len(client.get("/api/monitors").json()["items"]) == 1
    assert named(client, monitor) == [channel]


def test_a_channel_that_monitors_name_is_deleted_only_by_force(
    client: TestClient, site: Site
) -> None:
    channel = add_channel(client, site.url)["id"]
    monitors = [
        add_monitor(client, site, name=f"Site {number}", channel_ids=[channel])
        for number in range(7)
    ]

    refused = client.delete(f"/api/channels/{channel}")

    assert refused.status_code == 409
    assert "Site 0, Site 1, Site 2, Site 3, Site 4 and 2 more" in refused.json()["detail"]
    assert client.delete(f"/api/channels/{channel}", params={"force": True}).status_code == 204
    # It does not notify all channels now.
    assert named(client, monitors[0]) == []


def test_a_channel_that_no_monitor_names_is_deleted_with_its_notifications(
    client: TestClient, site: Site
) -> None:
    channel = add_channel(client, site.url)["id"]
    check(client, add_monitor(client, site), site, 503)

    assert client.delete(f"/api/channels/{channel}").status_code == 204

    assert notifications(client) == []


def test_a_deleted_monitor_leaves_no_notifications(
    client: TestClient, site: Site, database_url: str
) -> None:
    channel = add_channel(client, site.url)["id"]
    monitor = add_monitor(client, site, channel_ids=[channel])
    check(client, monitor, site, 503)

    client.delete(f"/api/monitors/{monitor['id']}")

    assert notifications(client) == []
    assert query(database_url, "SELECT * FROM monitor_channels") == []
    assert client.delete(f"/api/channels/{channel}").status_code == 204


def test_a_channel_deleted_while_a_monitor_names_it_counts_as_unknown(
    client: TestClient, site: Site, database_url: str
) -> None:
    channel = add_channel(client, site.url)["id"]
    answers: list[Any] = []

    def create() -> None:
        body = {"name": "Site", "kind": "http", "url": site.url, "channel_ids": [channel]}
        answers.append(client.post("/api/monitors", json=body))

    async def race() -> None:
        deleting = await asyncpg.connect(database_url)
        async with deleting.transaction():
            await deleting.execute("DELETE FROM channels WHERE id = $1", channel)
            creating = Thread(target=create)
            creating.start()
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            )
            while not await deleting.fetchval(waiting):  # noqa: ASYNC110 - no event of ours
                await asyncio.sleep(0.02)
        await asyncio.to_thread(creating.join)
        await deleting.close()

    asyncio.run(asyncio.wait_for(race(), 20))

    assert answers[0].status_code == 422
