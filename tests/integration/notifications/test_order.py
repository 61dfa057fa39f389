"""The last notification about a monitor matches its state."""

import asyncio
from collections.abc import Callable
from threading import Thread

import asyncpg
import pytest
from fastapi.testclient import TestClient

from tests.integration.notifications.conftest import (
    Loop,
    add_channel,
    add_monitor,
    check,
    notifications,
    told,
    until,
)
from tests.services import query
from tests.sites import Site

Loops = Callable[..., Loop]

OPENED, CLOSED = "incident.opened", "incident.closed"
DUE = "UPDATE notifications SET next_attempt_at = now() WHERE NOT sending RETURNING 1"
RESUMED = "UPDATE channels SET retry_at = NULL RETURNING 1"


def go_on(database_url: str, loop: Loop) -> None:
    query(database_url, RESUMED)
    query(database_url, DUE)
    loop.wake()


def states(client: TestClient) -> list[tuple[str, str]]:
    return [
        (notification["event"], notification["state"]) for notification in notifications(client)
    ]


def test_the_end_of_an_outage_is_not_sent_before_its_beginning(
    client: TestClient, site: Site, hook: Site, loops: Loops, database_url: str
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    hook.status = 500
    check(client, monitor, site, 503)
    loop = loops()
    until(lambda: notifications(client)[0]["last_error"])
    check(client, monitor, site, 200)
    hook.status = 200

    go_on(database_url, loop)
    until(lambda: len(notifications(client, state="sent")) == 2)

    assert told(hook) == [(OPENED, 1), (OPENED, 1), (CLOSED, 1)]


def test_the_end_of_an_old_outage_is_not_sent_after_the_beginning_of_a_new_one(
    client: TestClient, site: Site, hook: Site, loops: Loops, database_url: str
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 503)
    loop = loops()
    until(lambda: notifications(client, state="sent"))
    hook.status = 500
    check(client, monitor, site, 200)
    loop.wake()
    until(lambda: notifications(client)[-1]["last_error"])
    hook.posted.clear()
    hook.status = 200
    # Tried again in some seconds; the next outage is sent instead of it, not after it.
    check(client, monitor, site, 503)
    loop.wake()

    until(lambda: len(notifications(client, state="sent")) == 2)
    go_on(database_url, loop)
    check(client, monitor, site, 200)
    loop.wake()
    until(lambda: len(notifications(client, state="sent")) == 3)

    assert told(hook) == [(OPENED, 2), (CLOSED, 2)]
    assert (CLOSED, "superseded") in states(client)


def test_an_unsent_outage_notification_is_superseded_by_the_next_outage(
    client: TestClient, site: Site, hook: Site, loops: Loops
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    for status in (503, 200, 503):
        check(client, monitor, site, status)

    loops()
    until(lambda: notifications(client, state="sent"))

    assert states(client) == [(OPENED, "superseded"), (CLOSED, "superseded"), (OPENED, "sent")]
    assert told(hook) == [(OPENED, 2)]


def test_an_outage_that_ends_before_it_is_notified_is_sent_with_its_end(
    client: TestClient, site: Site, hook: Site, loops: Loops
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 503)
    check(client, monitor, site, 200)

    loops()
    until(lambda: len(notifications(client, state="sent")) == 2)

    assert told(hook) == [(OPENED, 1), (CLOSED, 1)]


def test_ordering_within_one_monitor_does_not_delay_others(
    client: TestClient, site: Site, hook: Site, loops: Loops, database_url: str
) -> None:
    add_channel(client, hook.url)
    first, second = add_monitor(client, site), add_monitor(client, site)
    check(client, first, site, 503)
    query(
        database_url,
        "UPDATE notifications SET next_attempt_at = now() + interval '1 hour' RETURNING 1",
    )
    check(client, first, site, 200)
    check(client, second, site, 503)

    loops()
    until(lambda: hook.posted)

    assert told(hook) == [(OPENED, 2)]


def test_replaying_a_superseded_notification_is_refused(
    client: TestClient, site: Site, hook: Site, loops: Loops, database_url: str
) -> None:
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 503)
    query(database_url, "UPDATE notifications SET state = 'dead' RETURNING 1")
    [dead] = notifications(client)
    check(client, monitor, site, 200)
    loops()
    until(lambda: hook.posted)

    answer = client.post(f"/api/notifications/{dead['id']}/replay")

    assert answer.status_code == 409
    assert "superseded" in answer.json()["detail"]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_deleting_a_channel_during_an_incident_does_not_fail_the_recording(
    client: TestClient, site: Site, database_url: str, ends: str
) -> None:
    deleted = add_channel(client, site.url)
    kept = add_channel(client, site.url)
    monitor = add_monitor(client, site)

    async def race() -> None:
        deleting = await asyncpg.connect(database_url)
        transaction = deleting.transaction()
        await transaction.start()
        await deleting.execute("DELETE FROM channels WHERE id = $1", deleted["id"])
        recording = Thread(target=check, args=(client, monitor, site, 503))
        recording.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        while not await deleting.fetchval(waiting):  # noqa: ASYNC110 - PostgreSQL has no event
            await asyncio.sleep(0.02)
        await getattr(transaction, ends)()
        await asyncio.to_thread(recording.join)
        await deleting.close()

    asyncio.run(asyncio.wait_for(race(), 20))

    expected = {kept["id"]} if ends == "commit" else {kept["id"], deleted["id"]}
    assert {notification["channel_id"] for notification in notifications(client)} == expected
    assert client.get(f"/api/monitors/{monitor['id']}").json()["state"] == "down"


def test_listeners_are_woken_by_notifications_of_checks_on_demand(
    client: TestClient, site: Site, database_url: str
) -> None:
    add_channel(client, site.url)
    monitor = add_monitor(client, site)

    async def listen() -> None:
        heard = asyncio.Event()
        connection = await asyncpg.connect(database_url)
        await connection.add_listener("notifications", lambda *_: heard.set())
        await asyncio.to_thread(check, client, monitor, site, 503)
        await asyncio.wait_for(heard.wait(), 20)
        await connection.close()

    asyncio.run(listen())
