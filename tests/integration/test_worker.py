"""Checks on schedule: claimed, made and stored by several workers at once."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.claiming import MARGIN_SECONDS
from app.database import Database
from app.settings import Settings
from tests.integration.conftest import Workers
from tests.services import query
from tests.sites import Site
from worker.engine import Engine


def add(client: TestClient, site: Site, **config: Any) -> dict[str, Any]:
    body = {"name": "Site", "kind": "http", "url": site.url, "interval_seconds": 5} | config
    answer = client.post("/api/monitors", json=body)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def state(client: TestClient, monitor: dict[str, Any]) -> Any:
    return client.get(f"/api/monitors/{monitor['id']}").json()["state"]


def checks(client: TestClient, monitor: dict[str, Any]) -> list[dict[str, Any]]:
    page = client.get(f"/api/monitors/{monitor['id']}/checks", params={"limit": 1000}).json()
    found: list[dict[str, Any]] = page["items"]
    return found


def test_a_new_monitor_is_checked_at_once_and_then_on_its_interval(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitor = add(client, site)
    workers.start()

    workers.work_until(lambda: len(checks(client, monitor)) >= 3)

    assert state(client, monitor) == "up"
    first, second, third = query(
        database_url, "SELECT scheduled_at, checked_at FROM checks ORDER BY scheduled_at LIMIT 3"
    )
    # To its own place in the interval: after a quarter of one at the least, counted from the claim.
    assert second["scheduled_at"] - first["checked_at"] < timedelta(seconds=6.25)
    assert third["scheduled_at"] - second["scheduled_at"] == timedelta(seconds=5)


def test_a_check_starts_at_its_time_and_not_when_it_was_claimed(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitor = add(client, site)
    workers.start()

    workers.work_until(lambda: len(checks(client, monitor)) >= 2)

    [late] = query(
        database_url,
        "SELECT max(checked_at - scheduled_at) AS by FROM checks "
        "WHERE scheduled_at > (SELECT min(scheduled_at) FROM checks)",
    )
    assert timedelta(0) <= late["by"] < timedelta(seconds=5)


def test_three_workers_make_every_check_once(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitors = [add(client, site, name=f"Site {number}") for number in range(40)]
    for _ in range(3):
        workers.start()

    workers.work_until(lambda: all(len(checks(client, monitor)) >= 2 for monitor in monitors))

    stored = query(database_url, "SELECT count(*) FROM checks")[0]["count"]
    for worker in list(workers.running):
        workers.stop(worker)
    stored = query(database_url, "SELECT count(*) FROM checks")[0]["count"]
    # A check made twice would be one call more than there are results.
    assert site.calls == stored


def test_a_check_of_a_killed_worker_is_taken_over_when_its_lease_ends(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitor = add(client, site, timeout_seconds=1)
    # What a killed worker leaves behind: a lease without a worker.
    lease = f"interval '{1 + MARGIN_SECONDS} s'"
    query(
        database_url,
        "UPDATE schedule SET lease = 1, due_at = now() + interval '1 min', claimable_at = now() + "
        + lease
        + " RETURNING 1",
    )
    worker = workers.start()
    worker.run(lambda engine: engine.check(), 5)
    assert checks(client, monitor) == []

    workers.work_until(lambda: checks(client, monitor))

    assert state(client, monitor) == "up"


def test_a_result_that_comes_after_its_lease_is_refused(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitor = add(client, site, interval_seconds=60)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        port = silent.getsockname()[1]
        path = f"/api/monitors/{monitor['id']}"
        client.patch(path, json={"url": f"http://127.0.0.1:{port}/", "timeout_seconds": 2})
        worker = workers.start()
        worker.run(lambda engine: engine.check(), 5)
        connection, _ = silent.accept()

        # The monitor is changed during the check, so the result is discarded.
        client.patch(path, json={"url": site.url})
        connection.close()

    workers.work_until(lambda: checks(client, monitor))
    assert [check["ok"] for check in checks(client, monitor)] == [True]


def test_checks_claimed_while_a_worker_stops_are_given_back(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    committed = threading.Event()

    class SlowToTell:
        """The worker's database, which reports late that a claim is committed."""

        def __init__(self, database: Database) -> None:
            self._database = database

        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[AsyncSession]:
            async with self._database.transaction() as session:
                yield session
            committed.set()
            await asyncio.sleep(0.3)

    async def slow_down(engine: Engine) -> None:
        checker = engine._checker
        checker._database = SlowToTell(checker._database)  # type: ignore[assignment]  # as far as it is used

    worker = workers.start()
    worker.run(slow_down, 5)
    add(client, site, interval_seconds=60)
    committed.clear()
    assert committed.wait(10)

    workers.stop(worker)

    # Given back or made: a lease that still runs would keep the check from others.
    [row] = query(database_url, "SELECT claimable_at = due_at AS free FROM schedule")
    assert row["free"]


def test_a_stopped_worker_gives_back_unfinished_checks(
    client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        add(client, site, url=url, interval_seconds=60, timeout_seconds=30)
        worker = workers.start()
        worker.run(lambda engine: engine.check(), 5)
        connection, _ = silent.accept()
        with connection:
            workers.stop(worker)

    [row] = query(database_url, "SELECT lease, claimable_at <= now() AS free FROM schedule")
    assert dict(row) == {"lease": None, "free": True}


def test_a_paused_monitor_is_not_checked_until_it_is_resumed(
    client: TestClient, site: Site, workers: Workers
) -> None:
    paused = add(client, site)
    client.post(f"/api/monitors/{paused['id']}/pause")
    other = add(client, site)
    workers.start()

    workers.work_until(lambda: len(checks(client, other)) >= 2)
    assert checks(client, paused) == []

    client.post(f"/api/monitors/{paused['id']}/resume")
    workers.work_until(lambda: checks(client, paused))


def test_a_deleted_monitors_result_is_left_out_and_breaks_nothing(
    client: TestClient, site: Site, workers: Workers
) -> None:
    gone = add(client, site)
    other = add(client, site)
    worker = workers.start()
    worker.run(lambda engine: engine.check(), 5)
    client.delete(f"/api/monitors/{gone['id']}")

    workers.work_until(lambda: checks(client, other))


def test_tcp_and_dns_monitors_are_checked_too(
    client: TestClient, site: Site, workers: Workers
) -> None:
    port = site.server.server_port
    common = {"interval_seconds": 5, "confirmations": 1}
    tcp = {"name": "Port", "kind": "tcp", "host": "127.0.0.1", "port": port} | common
    dns = {"name": "Name", "kind": "dns", "hostname": "nowhere.invalid"} | common
    made = [client.post("/api/monitors", json=body).json() for body in (tcp, dns)]
    workers.start()

    workers.work_until(lambda: all(checks(client, monitor) for monitor in made), seconds=30)

    assert [state(client, monitor) for monitor in made] == ["up", "down"]


def test_slow_targets_do_not_hold_up_the_others(
    client: TestClient, site: Site, workers: Workers
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for number in range(50):
            slow = {"url": url, "interval_seconds": 60, "timeout_seconds": 30}
            add(client, site, name=f"Slow {number}", **slow)
        quick = add(client, site, name="Quick")
        workers.start()

        workers.work_until(lambda: len(checks(client, quick)) >= 2, seconds=12)


def heartbeat(client: TestClient, **config: Any) -> dict[str, Any]:
    body = {"name": "Backup", "kind": "heartbeat", "period_seconds": 5, "grace_seconds": 0}
    created: dict[str, Any] = client.post("/api/monitors", json=body | config).json()
    return created


def test_a_heartbeat_makes_its_monitor_up_and_a_late_one_down(
    client: TestClient, workers: Workers
) -> None:
    monitor = heartbeat(client)
    assert client.get(monitor["ping_path"]).json() == {"status": "ok"}
    assert state(client, monitor) == "up"
    workers.start()

    workers.work_until(lambda: state(client, monitor) == "down")
    [incident] = client.get("/api/incidents").json()["items"]
    assert incident["cause"] == "no heartbeat came in time"

    assert client.post(monitor["ping_path"], content=b"whatever").status_code == 200
    assert state(client, monitor) == "up"
    [incident] = client.get("/api/incidents").json()["items"]
    assert incident["closed_at"] is not None


def test_a_heartbeat_that_never_came_is_down_after_its_period(
    client: TestClient, workers: Workers
) -> None:
    monitor = heartbeat(client)
    workers.start()

    workers.work_until(lambda: state(client, monitor) == "down")


def test_a_heartbeat_in_time_keeps_it_up(
    client: TestClient, workers: Workers, database_url: str
) -> None:
    monitor = heartbeat(client, grace_seconds=600)
    client.get(monitor["ping_path"])
    worker = workers.start()
    worker.run(lambda engine: engine.check(), 5)

    [row] = query(
        database_url,
        "SELECT due_at - checked_at AS left FROM states JOIN schedule USING (monitor_id)",
    )
    assert row["left"] == timedelta(seconds=605)
    assert state(client, monitor) == "up"


def test_an_unknown_token_is_not_found(client: TestClient) -> None:
    for token in ("nothing", "%00", "\u00fc" * 1000):
        assert client.get(f"/ping/{token}").status_code == 404


def test_a_heartbeat_cannot_be_checked_on_demand(client: TestClient) -> None:
    monitor = heartbeat(client)

    assert client.post(f"/api/monitors/{monitor['id']}/check").status_code == 409


def partitions(database_url: str) -> set[str]:
    statement = (
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'checks'::regclass"
    )
    return {row["name"] for row in query(database_url, statement)}


def test_a_worker_that_starts_makes_the_partitions_that_are_missing(
    workers: Workers, database_url: str
) -> None:
    today = datetime.now(UTC).date()
    for days in range(2, 9):
        query(database_url, f"DROP TABLE IF EXISTS checks_{today + timedelta(days=days):%Y%m%d}")

    workers.start()

    wanted = {f"checks_{today + timedelta(days=days):%Y%m%d}" for days in range(2, 8)}
    workers.work_until(lambda: wanted <= partitions(database_url))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"kind": "tcp", "host": "example.com"}, "port"),
    ({"kind": "tcp", "host": "example.com", "port": 0}, "port"),
    ({"kind": "tcp", "host": "example.com", "port": 65536}, "port"),
    ({"kind": "tcp", "host": "exa mple", "port": 1}, "host"),
    ({"kind": "tcp", "host": "", "port": 1}, "host"),
    ({"kind": "tcp", "host": "example.com", "port": 1, "url": "http://a/"}, "url"),
    ({"kind": "dns"}, "hostname"),
    ({"kind": "dns", "hostname": "a..b"}, "hostname"),
    ({"kind": "dns", "hostname": "example.com", "record_type": "ANY"}, "record_type"),
    ({"kind": "heartbeat"}, "period_seconds"),
    ({"kind": "heartbeat", "period_seconds": 4}, "period_seconds"),
    ({"kind": "heartbeat", "period_seconds": 60, "grace_seconds": -1}, "grace_seconds"),
    ({"kind": "heartbeat", "period_seconds": 60, "interval_seconds": 60}, "interval_seconds"),
    ({"kind": "carrier-pigeon"}, "kind"),
    ({}, "kind"),
    ({"kind": "tcp", "host": "example.com", "port": 1, "channel_ids": [0]}, "channel_ids.0"),
]


@pytest.mark.parametrize(("config", "field"), BAD)
def test_a_bad_field_of_any_kind_is_named_and_nothing_is_stored(
    client: TestClient, config: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/monitors", json={"name": "Bad"} | config)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert client.get("/api/monitors").json()["items"] == []


@pytest.mark.parametrize("number", range(2))
def test_a_database_that_goes_and_comes_back_loses_no_monitor(
    number: int, client: TestClient, site: Site, workers: Workers, database_url: str
) -> None:
    monitor = add(client, site)
    workers.start()
    workers.work_until(lambda: checks(client, monitor))
    before = len(checks(client, monitor))

    # All connections are cut, whatever they are doing.
    query(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database()",
    )

    workers.work_until(lambda: len(checks(client, monitor)) > before)


def test_an_invalid_setting_is_named_in_the_error(settings: Settings) -> None:
    checks_: Callable[..., Settings] = Settings
    with pytest.raises(ValueError, match="check_concurrency"):
        checks_(check_concurrency=0)
