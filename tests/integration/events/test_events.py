"""Server-sent events, from a change in PostgreSQL to a client on a real connection."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from fastapi.testclient import TestClient

from app import http_limits
from app.events import hub
from app.settings import Settings
from tests.integration.checks.support import FAILED, OK, add, claimed, completed, execute, recorded
from tests.integration.events.streams import running, streaming, wait_until
from tests.services import query

# Only in this test's database: other tests listen in theirs.
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
CUT = f"SELECT pg_terminate_backend(pid) {OURS}"
LISTENING = f"SELECT pid {OURS}"


@pytest.fixture
def server(settings: Settings) -> Iterator[tuple[uvicorn.Server, int]]:
    with running(settings) as server_and_port:
        yield server_and_port


@pytest.fixture
def port(server: tuple[uvicorn.Server, int]) -> int:
    return server[1]


def silent_client(server: tuple[uvicorn.Server, int]) -> socket.socket:
    """Return a connection with a stream that is never read."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect(("127.0.0.1", server[1]))
    silent.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return silent


def publish_much(database_url: str, first: int) -> None:
    """Publish 20 events of 7,000 bytes, numbered from `first`."""
    execute(
        database_url,
        f"""
        SELECT pg_notify('events', format('[["config", {{"n": %s, "x": "{"x" * 7000}"}}]]', n))
        FROM generate_series({first}, {first + 19}) AS n
        """,
    )


def fail(settings: Settings) -> None:
    [claim] = claimed(settings)
    recorded(settings, completed(claim, FAILED))


def test_a_stream_begins_with_resync_and_is_buffered_nowhere(port: int) -> None:
    with streaming(port) as stream:
        assert stream.next() == ("resync", {})

    head = stream.head.lower()
    assert head.startswith(b"http/1.1 200 ")
    assert b"content-type: text/event-stream" in head
    assert b"cache-control: no-cache" in head
    assert b"x-accel-buffering: no" in head
    assert b"ratelimit-remaining" in head
    assert b"content-length" not in head


def test_a_stream_sends_the_state_and_the_incident_of_an_outage(
    client: TestClient, settings: Settings, port: int, database_url: str
) -> None:
    number = add(client, name="Läden", confirmations=1)
    with streaming(port) as stream:
        stream.next("resync")
        fail(settings)
        state, opened = stream.next(), stream.next()
        client.post(f"/api/incidents/{opened[1]['id']}/acknowledge", json={"by": "Ada"})
        acknowledged = stream.next()
        execute(database_url, "UPDATE schedule SET due_at = now(), claimable_at = now()")
        [claim] = claimed(settings)
        recorded(settings, completed(claim, OK))
        up, closed = stream.next(), stream.next()

    [incident] = client.get("/api/incidents").json()["items"]
    found = client.get(f"/api/monitors/{number}").json()
    known = {"monitor_id": number, "name": "Läden"}
    assert state[0] == "state"
    assert state[1] | known == state[1] and state[1]["error"] == "status 503"
    assert opened == (
        "incident",
        incident
        | {"action": "opened", "closed_at": None, "acknowledged_at": None, "acknowledged_by": None},
    )
    assert acknowledged == ("incident", incident | {"action": "acknowledged", "closed_at": None})
    assert up == ("state", known | {"state": "up", "since": found["since"], "error": None})
    assert closed == ("incident", incident | {"action": "closed"})


def test_config_events_are_sent_for_successful_changes_only(client: TestClient, port: int) -> None:
    with streaming(port) as stream:
        stream.next("resync")
        number = add(client)
        client.patch(f"/api/monitors/{number}", json={"interval_seconds": 4})
        client.patch(f"/api/monitors/{number}", json={"interval_seconds": 30})
        client.post(f"/api/monitors/{number}/pause")
        client.post(f"/api/monitors/{number}/resume")
        client.delete(f"/api/monitors/{number}")
        told = [stream.next() for _ in range(7)]

    changed = ("config", {"monitor_id": number})
    assert [kind for kind, _ in told] == ["config"] * 2 + ["state", "config"] * 2 + ["config"]
    assert [event for event in told if event[0] == "config"] == [changed] * 5
    assert [data["state"] for kind, data in told if kind == "state"] == ["paused", "pending"]


def test_check_events_go_only_to_clients_that_follow_the_monitor(
    client: TestClient, settings: Settings, port: int
) -> None:
    followed, other = add(client), add(client)
    recorded(settings, *(completed(claim) for claim in claimed(settings)))
    with streaming(port, f"?monitor_id={followed}") as stream, streaming(port) as without:
        stream.next("resync")
        without.next("resync")
        for number in (other, followed):
            client.post(f"/api/monitors/{number}/check")
        check = stream.next("check")
        client.delete(f"/api/monitors/{other}")
        told = [without.next("check", "config")]

    [stored, _] = client.get(f"/api/monitors/{followed}/checks").json()["items"]
    assert check == ("check", {"monitor_id": followed} | stored)
    assert told == [("config", {"monitor_id": other})]


def test_clients_must_resync_after_a_lost_database_connection(
    client: TestClient, port: int, database_url: str
) -> None:
    with streaming(port) as stream:
        stream.next("resync")
        execute(database_url, CUT)

        assert stream.next() == ("resync", {})

        number = add(client)
        assert stream.next() == ("config", {"monitor_id": number})


def test_it_listens_only_while_there_are_clients(port: int, database_url: str) -> None:
    with streaming(port) as stream:
        stream.next("resync")
        assert len(query(database_url, LISTENING)) == 1

    wait_until(lambda: not query(database_url, LISTENING))
    with streaming(port) as stream:
        assert stream.next() == ("resync", {})


def test_a_stream_opens_while_the_database_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "COMMENT_SECONDS", 0.05)
    away = settings.model_copy(
        update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"}
    )
    with running(away) as (_, port), streaming(port) as stream:
        assert b" 200 " in stream.head
        wait_until(lambda: stream._lines.readline().startswith(b":"))


def test_a_stream_of_an_unknown_monitor_is_not_found(port: int) -> None:
    with streaming(port, "?monitor_id=4711") as stream:
        assert b" 404 " in stream.head


def test_a_head_request_ends_and_takes_no_slot(server: tuple[uvicorn.Server, int]) -> None:
    with streaming(server[1], method="HEAD") as stream:
        assert b"text/event-stream" in stream.head
        wait_until(lambda: not server[0].server_state.tasks)


def test_streams_are_limited_and_a_closed_stream_frees_its_slot(settings: Settings) -> None:
    with running(settings.model_copy(update={"max_streams": 2})) as (server, port):
        with ExitStack() as streams:
            for _ in range(2):
                streams.enter_context(streaming(port)).next("resync")
            with streaming(port) as refused:
                assert refused.head.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: " in refused.head.lower()
        wait_until(lambda: not server.server_state.tasks)
        with streaming(port) as stream:
            assert stream.next() == ("resync", {})


def test_streams_leave_half_of_the_connections_to_requests(settings: Settings) -> None:
    few = settings.model_copy(update={"max_connections": 4})
    with running(few) as (_, port), ExitStack() as streams:
        heads = [streams.enter_context(streaming(port)).head for _ in range(3)]

    assert [head[9:12] for head in heads] == [b"200", b"200", b"503"]


def test_a_client_that_does_not_read_is_dropped_and_others_get_every_event(
    server: tuple[uvicorn.Server, int], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(http_limits, "SEND_SECONDS", 0.2)
    with silent_client(server), streaming(server[1]) as stream:
        stream.next("resync")
        wait_until(lambda: len(server[0].server_state.tasks) == 2)
        told = 0
        while len(server[0].server_state.tasks) == 2:
            publish_much(database_url, told)
            assert [stream.next()[1]["n"] for _ in range(20)] == [*range(told, told + 20)]
            told += 20
            assert told < 20_000


def test_a_slow_client_must_resync_and_is_buffered_within_limits() -> None:
    slow = hub.Subscriber(None)
    for number in range(10 * hub.MAX_FRAMES + 1):
        slow.put(hub.frame("config", {"monitor_id": number}))

    assert len(slow._frames) <= hub.MAX_FRAMES
    assert slow._frames[0] == hub.RESYNC


def test_streams_end_at_once_when_the_server_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    # Waiting for them to end, or for a client that does not read, would exceed the test's limit.
    patient = settings.model_copy(update={"shutdown_seconds": 600})
    monkeypatch.setattr(http_limits, "SEND_SECONDS", 600)
    with running(patient) as server, ExitStack() as streams:
        opened = [streams.enter_context(streaming(server[1])) for _ in range(3)]
        for stream in opened:
            stream.next("resync")
        streams.enter_context(silent_client(server))
        wait_until(lambda: len(server[0].server_state.tasks) == 4)
        told = 0
        while not any(vars(other).get("_stuck") for other in server[0].server_state.connections):
            publish_much(database_url, told)
            for stream in opened:
                assert [stream.next()[1]["n"] for _ in range(20)] == [*range(told, told + 20)]
            told += 20
        server[0].should_exit = True

        assert all(stream.ended() for stream in opened)


def test_a_bulk_action_sends_one_event(client: TestClient, port: int) -> None:
    site = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"}
    several = ("config", {"monitor_id": None})

    def act(action: str, ids: list[int], **tags: list[str]) -> None:
        body = {"action": action, "ids": ids} | tags
        assert client.post("/api/monitors/actions", json=body).status_code == 200

    with streaming(port) as stream:
        stream.next("resync")
        answer = client.post("/api/monitors/bulk", json={"monitors": [site] * 101})
        ids = [monitor["id"] for monitor in answer.json()["items"]]
        assert stream.next() == several
        act("pause", ids[:2])
        paused = [stream.next(), stream.next()]
        assert {(kind, told["monitor_id"], told["state"]) for kind, told in paused} == {
            ("state", number, "paused") for number in ids[:2]
        }
        assert stream.next() == several
        act("tag", ids, add_tags=["eu"])
        assert stream.next() == several
        act("resume", ids)
        assert stream.next("config") == several
        act("pause", ids)
        assert [stream.next(), stream.next()] == [("resync", {}), several]
        act("delete", ids[1:])
        assert stream.next() == several
        act("delete", ids[:1])
        assert stream.next() == ("config", {"monitor_id": ids[0]})
