"""Stage 07: the main job, with three workers, a hundred monitors and failures of all kinds."""

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from hmac import compare_digest, digest
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from testcontainers.core.container import DockerContainer

from tests.stack.support import Stack, docker, freeze, request, thaw, wait_for

MONITORS = 100
INTERVAL = 5
TIMEOUT = 2
# app.checks.claiming: the timeout, and seven seconds to store the result.
LEASE = TIMEOUT + 7
SECRET = "a-secret-for-the-tests"


class Scene:
    """A stack with three workers, and the sites that they check."""

    def __init__(self, stack: Stack, watched: DockerContainer) -> None:
        self.stack = stack
        self.api_url = stack.url("")
        self.watched_url = f"http://127.0.0.1:{watched.get_exposed_port(8000)}"

    def api(self, path: str, **options: Any) -> Any:
        answer = request(f"{self.api_url}/api{path}", **options)
        assert answer.status < 300, answer.body
        return answer.json()

    def seen(self) -> Any:
        return request(f"{self.watched_url}/seen").json()

    def hooks(self) -> list[tuple[dict[str, str], str]]:
        return [(headers, body) for headers, body in self.seen()["hooks"]]

    def fail(self, *sites: int) -> None:
        request(f"{self.watched_url}/fail", method="POST", json_body=sites)

    def sql(self, statement: str) -> list[list[str]]:
        psql = ["psql", "-U", "stagewatch", "-At", "-F", " ", "-c", statement]
        output = self.stack.run("exec", "-T", "db", *psql)
        return [line.split(" ") for line in output.splitlines()]

    def counts(self) -> dict[int, int]:
        rows = self.sql("SELECT monitor_id, count(*) FROM checks GROUP BY 1")
        return {int(monitor): int(count) for monitor, count in rows}

    def wait_for_checks(self, more: int, *, seconds: float) -> None:
        """Wait until each monitor has so many more checks than now."""
        before = self.counts()

        def all_have() -> bool:
            now = self.counts()
            return len(now) == MONITORS and all(
                count >= before.get(monitor, 0) + more for monitor, count in now.items()
            )

        wait_for(all_have, seconds=seconds, what=f"{more} more checks of each monitor")

    def longest_gap(self, since: str) -> float:
        """Seconds: the longest that any monitor was not checked, since a time of the database."""
        times = defaultdict(list)
        for monitor, at in self.sql(
            "SELECT monitor_id, extract(epoch FROM checked_at) FROM checks "
            f"WHERE checked_at >= '{since}' ORDER BY checked_at"
        ):
            times[monitor].append(float(at))
        assert len(times) == MONITORS
        return max(later - earlier for each in times.values() for earlier, later in pairwise(each))

    def now(self) -> str:
        return " ".join(self.sql("SELECT now()")[0])


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    networks = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
    env = {"ALLOWED_NETWORKS": networks, "RATE_LIMIT_PER_MINUTE": "100000"}
    script = Path(__file__).with_name("watched.py")
    with Stack(env=env, up=("--wait", "--scale", "worker=3")) as stack:
        network = f"{stack.name}_default"
        watched = (
            DockerContainer("python:3.14-slim")
            .with_volume_mapping(str(script), "/watched.py")
            .with_command("python -u /watched.py")
            .with_kwargs(network=network)
            .with_name(f"{stack.name}-watched")
            .with_exposed_ports(8000)
        )
        with watched:
            scene = Scene(stack, watched)
            wait_for(scene.seen, what="what is watched")
            target = f"http://{stack.name}-watched:8000"
            hook = {"name": "Hook", "kind": "webhook", "url": f"{target}/hook", "secret": SECRET}
            scene.api("/channels", method="POST", json_body=hook)
            for site in range(1, MONITORS + 1):
                monitor = {
                    "name": f"Site {site}",
                    "kind": "http",
                    "url": f"{target}/site/{site}",
                    "interval_seconds": INTERVAL,
                    "timeout_seconds": TIMEOUT,
                }
                assert scene.api("/monitors", method="POST", json_body=monitor)["id"] == site
            yield scene


def test_each_monitor_is_checked_once_in_each_interval_and_all_workers_take_part(
    scene: Scene,
) -> None:
    scene.wait_for_checks(1, seconds=30)
    since = scene.now()

    scene.wait_for_checks(13, seconds=90)

    assert scene.longest_gap(since) <= 1.5 * INTERVAL
    # A check made twice would be a call more than there are results. Between the two counts of
    # results some are stored, and one of each monitor may be under way.
    before = scene.counts()
    calls = {int(site): count for site, count in scene.seen()["calls"].items()}
    after = scene.counts()
    assert all(before[site] <= calls[site] <= after[site] + 1 for site in before)
    [[slots, distinct]] = scene.sql(
        "SELECT count(*), count(DISTINCT (monitor_id, scheduled_at)) FROM checks"
    )
    assert slots == distinct
    for worker in scene.stack.containers("worker"):
        assert "checked" in docker("logs", worker)


def test_ten_outages_open_ten_incidents_and_make_ten_signed_calls_and_their_end_ten_more(
    scene: Scene,
) -> None:
    scene.fail(*range(1, 11))
    wait_for(lambda: len(scene.hooks()) == 10, what="ten calls", seconds=40)
    scene.wait_for_checks(2, seconds=40)

    hooks = scene.hooks()
    assert len(hooks) == 10
    assert all(is_signed(*hook) for hook in hooks)
    told = [json.loads(body) for _, body in hooks]
    assert {each["event"] for each in told} == {"incident.opened"}
    assert {each["monitor"]["id"] for each in told} == set(range(1, 11))
    assert len(scene.api("/incidents?state=open")["items"]) == 10
    assert scene.api("/status")["state"] == "down"

    scene.fail()
    wait_for(lambda: len(scene.hooks()) == 20, what="ten more calls", seconds=40)
    scene.wait_for_checks(2, seconds=40)

    hooks = scene.hooks()[10:]
    assert len(hooks) == 10
    assert all(is_signed(*hook) for hook in hooks)
    assert {json.loads(body)["event"] for _, body in hooks} == {"incident.closed"}
    assert scene.api("/incidents?state=open")["items"] == []
    assert len(scene.api("/incidents?state=closed")["items"]) == 10


def is_signed(headers: dict[str, str], body: str) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    expected = b64encode(digest(SECRET.encode(), signed, sha256)).decode()
    return compare_digest(headers["webhook-signature"], f"v1,{expected}")


def test_a_killed_worker_leaves_no_gap_longer_than_its_leases(scene: Scene) -> None:
    since = scene.now()
    scene.wait_for_checks(1, seconds=30)

    docker("kill", scene.stack.containers("worker")[0])
    scene.wait_for_checks(5, seconds=60)

    assert scene.longest_gap(since) <= INTERVAL + LEASE
    assert scene.hooks()[20:] == [], "nobody was down"


def test_checks_stay_on_time_without_the_broker_for_a_minute(
    scene: Scene,
) -> None:
    workers = running(scene, "worker")
    scene.wait_for_checks(2, seconds=60)
    scene.stack.run("stop", "redis")
    try:
        since = scene.now()
        scene.wait_for_checks(13, seconds=90)

        [[late]] = scene.sql(
            "SELECT count(*) FROM checks "
            f"WHERE scheduled_at > '{since}' AND checked_at - scheduled_at > interval '1 s'"
        )
        assert late == "0"
        assert scene.longest_gap(since) <= INTERVAL + 1
        assert [health(worker) for worker in workers] == ["healthy"] * len(workers)
    finally:
        scene.stack.run("start", "redis")

    # Wake-ups are sent again, and the workers get them.
    [beat] = scene.stack.containers("beat")
    wait_for(lambda: health(beat) == "healthy", seconds=90, what="beat")
    wait_for(
        lambda: all(reconnected(worker, since) for worker in workers), seconds=60, what="workers"
    )
    queued = scene.stack.redis_cli("llen", "celery")
    assert int(queued) <= 5


def running(scene: Scene, service: str) -> list[str]:
    """Return the containers of a service that have not been killed."""
    return [
        container
        for container in scene.stack.containers(service)
        if docker("inspect", "--format", "{{.State.Running}}", container).strip() == "true"
    ]


def reconnected(worker: str, since: str) -> bool:
    seconds = since.split(".", maxsplit=1)[0].replace(" ", "T") + "Z"
    return "Connected to redis" in docker("logs", "--since", seconds, worker)


def health(container: str) -> str:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()


def test_beat_and_workers_that_stall_are_found_unhealthy(scene: Scene) -> None:
    [beat] = scene.stack.containers("beat")
    worker = scene.stack.containers("worker")[1]
    wait_for(lambda: health(beat) == health(worker) == "healthy", seconds=60, what="health")

    # Stopped, not ended: the processes are there, but do nothing.
    for container in (beat, worker):
        freeze(container)
    try:
        wait_for(lambda: health(beat) == "unhealthy", seconds=90, what="beat's stall")
        wait_for(lambda: health(worker) == "unhealthy", seconds=120, what="the worker's stall")
    finally:
        for container in (beat, worker):
            thaw(container)
    wait_for(lambda: health(beat) == health(worker) == "healthy", seconds=90, what="health")


def test_a_worker_that_is_stopped_ends_by_itself_in_its_grace_period(scene: Scene) -> None:
    scene.stack.run("stop", "worker")

    codes = [
        docker("inspect", "--format", "{{.State.ExitCode}}", worker).strip()
        for worker in scene.stack.containers("worker")
    ]
    assert sorted(codes) == ["0", "0", "137"], "two stopped, and the one that was killed before"
    [[held]] = scene.sql(
        f"SELECT count(*) FROM schedule WHERE claimable_at > now() + interval '{INTERVAL} s'"
    )
    assert held == "0"
    said = [docker("logs", worker) for worker in scene.stack.containers("worker")]
    assert sum("checks given back" in log for log in said) == 2
    assert not any("left to" in log for log in said)
