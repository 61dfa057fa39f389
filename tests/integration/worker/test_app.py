"""A real Celery worker: when the broker is lost, and when it is told to stop."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from tests.integration.worker.broker import Way
from tests.integration.worker.running import add, is_well, said, wait_for, worker
from tests.services import query
from tests.sites import Site

MONITORS = 10


@pytest.fixture
def way(redis_url: str) -> Iterator[Way]:
    with Way(redis_url) as way:
        yield way


def slots(database_url: str) -> int:
    """Return the smallest number of slots that a monitor has had."""
    counts = query(
        database_url,
        "SELECT (SELECT count(*) FROM checks c WHERE c.monitor_id = m.id) AS n FROM monitors m",
    )
    return min(int(row["n"]) for row in counts)


def faults(database_url: str, since: str) -> dict[str, int]:
    """Count the slots that are missing since a time, and those that were a second late."""
    [row] = query(
        database_url,
        f"""
        SELECT count(*) FILTER (WHERE gap > interval '5.001 s') AS missing,
               count(*) FILTER (WHERE late > interval '1 s') AS late
        FROM (
            SELECT scheduled_at - lag(scheduled_at) OVER w AS gap,
                   checked_at - scheduled_at AS late
            FROM checks WHERE scheduled_at > '{since}'
            WINDOW w AS (PARTITION BY monitor_id ORDER BY scheduled_at)
        ) AS slots
        """,
    )
    return dict(row)


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_without_the_broker_checks_stay_on_time_and_the_worker_stops_in_time(
    how: str, client: TestClient, site: Site, way: Way, database_url: str, tmp_path: Path
) -> None:
    add(client, site.url, MONITORS)
    with worker(tmp_path, database_url, way.url) as process:
        wait_for(lambda: slots(database_url) >= 2)
        assert said(tmp_path, "Connected to redis")

        [now] = query(database_url, "SELECT now()::text AS text")
        way.run(way.stop() if how == "closed" else way.hush(True))
        wait_for(lambda: slots(database_url) >= 5)

        assert faults(database_url, now["text"]) == {"missing": 0, "late": 0}
        assert is_well(tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    assert said(tmp_path, "stopped; ")


def test_a_worker_started_without_a_broker_checks_and_connects_when_there_is_one(
    client: TestClient, site: Site, way: Way, database_url: str, tmp_path: Path
) -> None:
    way.run(way.stop())
    add(client, site.url, 1)
    with worker(tmp_path, database_url, way.url):
        wait_for(lambda: slots(database_url) >= 1)
        assert is_well(tmp_path)

        way.run(way.start())

        wait_for(lambda: said(tmp_path, "Connected to redis"))


def test_a_worker_with_a_full_redis_checks_and_gets_wake_ups_when_there_is_room(
    client: TestClient, site: Site, full_redis: str, database_url: str, tmp_path: Path
) -> None:
    add(client, site.url, 1)
    with (
        Redis.from_url(full_redis) as redis,
        Way(full_redis) as way,
        worker(tmp_path, database_url, way.url) as process,
    ):
        refused = "command not allowed when used memory > 'maxmemory'"
        wait_for(lambda: said(tmp_path, refused))
        wait_for(lambda: slots(database_url) >= 2)
        assert process.poll() is None
        assert is_well(tmp_path)
        # It tries six times a second, and logs that every thirty seconds.
        assert (tmp_path / "log").read_text().count(refused) <= 3

        redis.config_set("maxmemory", 0)

        wait_for(lambda: said(tmp_path, "Connected to redis"))


def test_a_webhook_that_hangs_does_not_keep_a_worker_from_stopping_in_time(
    client: TestClient, database_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        channel = client.post(
            "/api/channels", json={"name": "Hook", "kind": "webhook", "url": url}
        ).json()
        with worker(tmp_path, database_url) as process:
            client.post(f"/api/channels/{channel['id']}/test")
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
