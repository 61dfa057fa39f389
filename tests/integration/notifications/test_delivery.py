"""The outbox is delivered, and no channel delays another."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
from fastapi.testclient import TestClient

from app.notifications.sending import FAILURES_TO_SUSPEND, MAX_ATTEMPTS
from app.probing.prober import Prober
from app.probing.result import CheckerFault
from app.settings import Settings
from tests.integration.notifications.conftest import (
    Loop,
    add_channel,
    add_monitor,
    check,
    hanging_server,
    notifications,
    told,
    until,
)
from tests.services import query
from tests.sites import Site

Loops = Callable[..., Loop]

# Make notifications due at once, and end the suspension of channels.
DUE = "UPDATE notifications SET next_attempt_at = now() WHERE NOT sending RETURNING 1"
RESUMED = "UPDATE channels SET retry_at = NULL RETURNING 1"


def send_test(client: TestClient, channel: dict[str, int], times: int = 1) -> None:
    for _ in range(times):
        assert client.post(f"/api/channels/{channel['id']}/test").status_code == 202


def test_a_good_channel_is_notified_while_webhooks_and_services_of_apprise_hang(
    client: TestClient, hook: Site, loops: Loops
) -> None:
    with hanging_server() as port:
        for number in range(4):
            hanging = add_channel(client, f"http://127.0.0.1:{port}/{number}")
            send_test(client, hanging, 75 if number == 0 else 5)
        for number in range(8):
            url = f"json://127.0.0.1:{port}/{number}"
            send_test(client, add_channel(client, url, kind="apprise"), 5)
        loop = loops()
        until(lambda: query_attempts(client) >= 20)
        good = add_channel(client, hook.url)
        good_by_apprise = add_channel(
            client, f"json://127.0.0.1:{hook.server.server_port}/", kind="apprise"
        )

        send_test(client, good)
        send_test(client, good_by_apprise)
        loop.wake()

        # Every hanging attempt takes longer than this.
        until(lambda: len(hook.posted) == 2, seconds=2)


def query_attempts(client: TestClient) -> int:
    return sum(notification["attempts"] for notification in notifications(client))


def test_hanging_services_over_the_slot_limit_do_not_block_other_services(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    with hanging_server() as port:
        channels = [
            add_channel(client, f"json://127.0.0.1:{port}/{number}", kind="apprise")
            for number in range(9)
        ]
        for channel in channels:
            send_test(client, channel)
        # They have failed before, so they take the slots of failing channels: there are eight.
        query(database_url, "UPDATE channels SET failures = 1 RETURNING 1")
        loop = loops()
        until(lambda: query_attempts(client) == 8)
        url = f"json://127.0.0.1:{hook.server.server_port}/"
        send_test(client, add_channel(client, url, kind="apprise"))

        loop.wake()

        until(lambda: hook.posted, seconds=2)


def test_only_notifications_that_can_start_are_claimed(
    client: TestClient, loops: Loops, database_url: str
) -> None:
    with hanging_server() as port:
        send_test(client, add_channel(client, f"http://127.0.0.1:{port}/"), 30)

        loop = loops()
        until(lambda: query_attempts(client) == 2)
        loop.wake()

        rows = query(database_url, "SELECT count(*) FROM notifications WHERE sending")
        assert rows[0]["count"] == 2


def test_a_channel_that_fails_again_and_again_is_tried_alone_and_less_often(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    hook.status = 500
    send_test(client, channel, 20)

    loop = loops()
    path = f"/api/channels/{channel['id']}"
    until(lambda: client.get(path).json()["retry_at"])
    # A running attempt may be counted a moment later.
    until(lambda: client.get(path).json()["failures"] == len(hook.posted))

    attempts = len(hook.posted)
    assert FAILURES_TO_SUSPEND <= attempts <= FAILURES_TO_SUSPEND + 1
    assert (
        sum(notification["attempts"] == 0 for notification in notifications(client))
        == 20 - attempts
    )
    hook.status = 200
    query(database_url, RESUMED)
    query(database_url, DUE)
    loop.wake()
    until(lambda: len(notifications(client, state="sent")) == 20)
    recovered = client.get(path).json()
    assert (recovered["failures"], recovered["retry_at"]) == (0, None)


def test_a_failed_delivery_is_tried_again_and_ends_as_a_dead_letter_that_can_be_replayed(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    hook.status = 500
    send_test(client, channel)
    loop = loops()

    for attempt in range(1, MAX_ATTEMPTS + 1):
        until(partial(noted, database_url, attempt))
        [notification] = notifications(client)
        assert notification["last_error"] == "status 500"
        if attempt < MAX_ATTEMPTS:
            query(database_url, RESUMED)
            query(database_url, DUE)
            loop.wake()

    [dead] = notifications(client, state="dead")
    assert dead["attempts"] == MAX_ATTEMPTS == len(hook.posted)
    hook.status = 200
    query(database_url, RESUMED)
    answer = client.post(f"/api/notifications/{dead['id']}/replay")
    assert answer.json()["state"] == "pending"
    loop.wake()
    [sent] = until(lambda: notifications(client, state="sent"))
    assert sent["last_error"] is None
    assert client.post(f"/api/notifications/{dead['id']}/replay").status_code == 409


def noted(database_url: str, attempts: int) -> bool:
    rows = query(database_url, "SELECT attempts, sending FROM notifications")
    return rows[0]["attempts"] == attempts and not rows[0]["sending"]


def test_notifications_that_waited_a_day_for_a_failing_channel_are_given_up(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    hook.status = 500
    send_test(client, channel, 5)
    query(database_url, "UPDATE notifications SET give_up_at = now() RETURNING 1")

    loops()

    until(lambda: len(notifications(client, state="dead")) == 5)
    assert len(hook.posted) <= 2
    assert {notification["last_error"] for notification in notifications(client)} == {"status 500"}


def test_notifications_are_sent_after_a_clock_that_was_ahead_is_set_back(
    client: TestClient, site: Site, hook: Site, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    monitors = [add_monitor(client, site, name=name) for name in ("A", "B")]
    check(client, monitors[0], site, 503)
    # The state after three failed attempts with a clock that is a day ahead.
    ahead = "now() + interval '1 day'"
    query(
        database_url,
        f"UPDATE channels SET failures = 3, retry_at = {ahead} WHERE id = {channel['id']}"
        " RETURNING 1",
    )
    query(
        database_url,
        f"UPDATE notifications SET attempts = 3, next_attempt_at = {ahead}, "
        f"give_up_at = {ahead} + interval '1 day', created_at = {ahead} RETURNING 1",
    )
    check(client, monitors[1], site, 503)

    loops()

    until(lambda: len(notifications(client, state="sent")) == 2)
    assert sorted(told(hook)) == [("incident.opened", 1), ("incident.opened", 2)]


def test_a_worker_killed_while_it_sends_leaves_the_notification_to_another(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    send_test(client, add_channel(client, hook.url))
    # The state after a worker was killed: claimed, with an expired lease.
    query(database_url, "UPDATE notifications SET attempts = 1, sending = true RETURNING 1")

    loops()

    [sent] = until(lambda: notifications(client, state="sent"))
    assert sent["attempts"] == 2


def test_two_workers_send_every_notification_once(
    client: TestClient, hook: Site, loops: Loops
) -> None:
    for _ in range(3):
        send_test(client, add_channel(client, hook.url), 20)

    loops()
    loops()

    until(lambda: len(notifications(client, state="sent")) == 60)
    assert len({headers["webhook-id"] for headers, _ in hook.posted}) == len(hook.posted) == 60


def test_closing_gives_back_hanging_notifications_without_waiting(
    client: TestClient, loops: Loops, settings: Settings, database_url: str
) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(hanging_server())
        for number in range(7):
            url = f"json://127.0.0.1:{port}/{number}"
            send_test(client, add_channel(client, url, kind="apprise"))
        send_test(client, add_channel(client, f"http://127.0.0.1:{port}/"))
        loop = Loop(settings)
        until(lambda: query_attempts(client) == 8)

        loop.close(0.1)

    rows = query(database_url, "SELECT state, sending, last_error FROM notifications")
    assert {tuple(row.values()) for row in rows} == {("pending", False, "the worker was stopped")}


def test_a_webhook_to_a_network_that_is_not_allowed_is_refused(
    client: TestClient, loops: Loops
) -> None:
    send_test(client, add_channel(client, "http://10.0.0.1/hook"))

    loops()

    error = until(lambda: notifications(client)[0]["last_error"])
    assert "10.0.0.1" in error


def test_apprise_sends_only_to_allowed_networks(
    client: TestClient, hook: Site, loops: Loops
) -> None:
    url = f"json://127.0.0.1:{hook.server.server_port}/"
    channel = add_channel(client, url, kind="apprise")
    send_test(client, channel)
    allowed = loops()
    until(lambda: notifications(client, state="sent"))
    allowed.close(1)

    send_test(client, channel)
    loops(allowed_networks=())

    error = until(lambda: notifications(client)[-1]["last_error"])
    assert "127.0.0.1" in error
    assert len(hook.posted) == 1


def test_a_service_that_is_not_allowed_any_more_is_not_used(
    client: TestClient, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, "json://example.com/", kind="apprise")
    query(database_url, "UPDATE channels SET url = 'rsyslog://127.0.0.1' RETURNING 1")
    send_test(client, channel)

    loops()

    error = until(lambda: notifications(client)[0]["last_error"])
    assert error.startswith("refused: rsyslog:// is not allowed")


def test_a_checker_fault_does_not_count_as_a_channel_failure(
    client: TestClient, hook: Site, loops: Loops, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = add_channel(client, hook.url)
    send_test(client, channel)

    async def no_files(*_: object) -> None:
        raise CheckerFault("too many open files")

    with monkeypatch.context() as lacking:
        lacking.setattr(Prober, "fetch", no_files)
        loop = loops()
        until(lambda: notifications(client)[0]["last_error"])
    [given_back] = notifications(client)
    assert (given_back["state"], given_back["attempts"]) == ("pending", 0)
    assert client.get(f"/api/channels/{channel['id']}").json()["failures"] == 0

    query(database_url, DUE)
    loop.wake()

    until(lambda: notifications(client, state="sent"))


def test_the_last_answer_of_a_channel_is_stored(
    client: TestClient, hook: Site, loops: Loops, database_url: str
) -> None:
    channel = add_channel(client, hook.url)
    sent = client.post(f"/api/channels/{channel['id']}/test").json()
    path = f"/api/notifications/{sent['id']}"
    assert (sent["answer"], client.get(path).json()) == (None, sent)

    hook.status, hook.body = 410, b"no such\nhook\x1b[1m"
    loop = loops()
    failed = until(lambda: (found := client.get(path).json())["last_error"] and found)
    hook.status, hook.body = 200, b'{"ok": true}'
    query(database_url, DUE)
    loop.wake()
    arrived = until(lambda: (found := client.get(path).json())["sent_at"] and found)

    assert failed["last_error"] == "status 410"
    assert failed["answer"] == "410 Gone: no such hook [1m"
    assert (arrived["last_error"], arrived["answer"]) == (None, '200 OK: {"ok": true}')


def test_no_answer_is_stored_for_a_channel_that_was_not_reached(
    client: TestClient, loops: Loops
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    send_test(client, add_channel(client, f"http://127.0.0.1:{port}/"))

    loops()

    failed = until(lambda: (found := notifications(client)[0])["last_error"] and found)
    assert (failed["last_error"], failed["answer"]) == ("connection refused", None)


def test_the_answer_of_an_apprise_service_is_stored(
    client: TestClient, hook: Site, loops: Loops
) -> None:
    url = f"json://127.0.0.1:{hook.server.server_port}/"
    send_test(client, add_channel(client, url, kind="apprise"))

    loops()

    [sent] = until(lambda: notifications(client, state="sent"))
    assert sent["answer"]


@pytest.mark.parametrize("number", ["0", "-1", "4711", str(2**63)])
def test_an_unknown_notification_is_not_found(client: TestClient, number: str) -> None:
    assert client.get(f"/api/notifications/{number}").status_code == 404
