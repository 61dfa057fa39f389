"""Three workers at three locations in three networks, which lose the site one by one."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.stack.support import ROOT, Stack, docker, request, wait_for

LOCATIONS = ("frankfurt", "tokyo", "virginia")
NETWORKS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
INTERVAL = 5


class Scene:
    """A stack, and what it knows of one monitor that two of three locations must find down."""

    def __init__(self, stack: Stack, workers: dict[str, str]) -> None:
        self.stack = stack
        self.workers = workers
        self.api_url = stack.url("")
        monitor = {
            "name": "Site",
            "kind": "http",
            "url": "http://site:8000/site/1",
            "interval_seconds": INTERVAL,
            "timeout_seconds": 2,
            "locations": LOCATIONS,
            "min_failing_locations": 2,
        }
        self.monitor: int = self.api("/monitors", method="POST", json_body=monitor)["id"]

    def api(self, path: str, **options: Any) -> Any:
        answer = request(f"{self.api_url}/api{path}", **options)
        assert answer.status < 300, answer.body
        return answer.json()

    def locations(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.api("/locations")["items"]}

    def is_blind(self, location: str) -> bool:
        """Whether the location has no results, or what it finds out is that it reaches nothing.

        Which of the two depends on what Docker's name server says in a network without a way out.
        """
        found = self.locations()[location]
        return bool(found["overdue"] or found["failing"])

    def state(self) -> str:
        state: str = self.api(f"/monitors/{self.monitor}")["state"]
        return state

    def incidents(self, state: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.api(f"/incidents?state={state}")["items"]
        return items

    def seen(self) -> dict[str, str]:
        shown = self.api(f"/monitors/{self.monitor}")["seen_from"]
        return {each["location"]: each["state"] for each in shown}

    def wait_for_checks(self, more: int, *locations: str) -> None:
        """Wait for so many more checks from each of these locations."""
        begin = self.api(f"/monitors/{self.monitor}/checks?limit=1")["items"][0]["checked_at"]

        def stored() -> bool:
            items = self.api(f"/monitors/{self.monitor}/checks?limit=100")["items"]
            new = [item["location"] for item in items if item["checked_at"] > begin]
            return all(new.count(location) >= more for location in locations)

        wait_for(stored, seconds=60, what=f"{more} more checks from {locations}")

    def close(self, location: str) -> None:
        """Point the site's name there at a machine on which nothing listens."""
        self._swap(location, f"{self.stack.name}-site", f"{self.stack.name}-nobody")

    def open(self, location: str) -> None:
        self._swap(location, f"{self.stack.name}-nobody", f"{self.stack.name}-site")

    def _swap(self, location: str, leaves: str, comes: str) -> None:
        docker("network", "disconnect", self.network(location), leaves)
        docker("network", "connect", "--alias", "site", self.network(location), comes)

    def cut_off(self, location: str) -> None:
        """Take a worker's own network away; the one in which the database is stays."""
        docker("network", "disconnect", self.network(location), self.workers[location])

    def network(self, location: str) -> str:
        return f"{self.stack.name}-{location}_default"


def location(stack: Stack, name: str, folder: Path) -> Stack:
    """Return a location as its operator starts it, with a network to the stack's database."""
    to_the_database = folder / f"{name}.json"
    to_the_database.write_text(
        json.dumps(
            {
                "services": {"worker": {"networks": ["default", "backend"]}},
                "networks": {"backend": {"external": True, "name": f"{stack.name}_backend"}},
            }
        )
    )
    env = {
        "LOCATION": name,
        "STAGEWATCH_IMAGE": stack.image,
        "DATABASE_URL": f"postgresql://stagewatch:{password(stack)}@db:5432/stagewatch",
        "ALLOWED_NETWORKS": NETWORKS,
    }
    files = ["compose/location.yml", str(to_the_database)]
    return Stack(files=files, env=env, name=f"{stack.name}-{name}", up=("--wait",))


def password(stack: Stack) -> str:
    """Return the database's password: from the file where there is one, else the example."""
    read = "cat /run/secrets/database_password 2>/dev/null || echo stagewatch"
    return stack.run("exec", "-T", "worker", "sh", "-c", read).strip()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("locations")
    with ExitStack() as started:
        env = {"ALLOWED_NETWORKS": NETWORKS, "RATE_LIMIT_PER_MINUTE": "100000"}
        stack = started.enter_context(Stack(env=env, up=("--wait", "nginx", "worker")))
        workers = {}
        for name in LOCATIONS:
            [workers[name]] = started.enter_context(location(stack, name, folder)).containers(
                "worker"
            )
        script = f"{ROOT / 'tests/stack/watched.py'}:/watched.py:ro"
        for name, program in (("site", "/watched.py"), ("nobody", "-c input()")):
            started.callback(docker, "rm", "--force", f"{stack.name}-{name}", check=False)
            docker(
                *("run", "--detach", "--interactive", "--name", f"{stack.name}-{name}"),
                *("--volume", script, "python:3.14-slim", "python", "-u", *program.split()),
            )
        for name in LOCATIONS:
            network = f"{stack.name}-{name}_default"
            docker("network", "connect", "--alias", "site", network, f"{stack.name}-site")
        yield Scene(stack, workers)


def test_a_single_failing_location_is_shown_but_is_no_outage(scene: Scene) -> None:
    wait_for(lambda: set(scene.seen().values()) == {"up"}, seconds=60, what="up from everywhere")

    scene.close("frankfurt")
    wait_for(lambda: scene.locations()["frankfurt"]["failing"], seconds=60, what="a failure there")
    scene.wait_for_checks(2, *LOCATIONS)

    assert scene.state() == "up"
    assert scene.seen() == {"frankfurt": "down", "tokyo": "up", "virginia": "up"}
    assert scene.incidents("open") == scene.incidents("closed") == []
    # The summary may come from a cache.
    wait_for(
        lambda: (
            {each["name"]: each["failing"] for each in scene.api("/status")["locations"]}
            == {"frankfurt": 1, "tokyo": 0, "virginia": 0}
        ),
        what="the summary",
    )


def test_two_failing_locations_open_one_incident_that_names_them(scene: Scene) -> None:
    scene.close("tokyo")
    wait_for(lambda: scene.state() == "down", seconds=60, what="an outage")

    [incident] = scene.incidents("open")
    assert "frankfurt" in incident["cause"]
    assert "tokyo" in incident["cause"]
    assert "virginia" not in incident["cause"]

    for name in ("frankfurt", "tokyo"):
        scene.open(name)
    wait_for(lambda: set(scene.seen().values()) == {"up"}, seconds=60, what="up from everywhere")
    assert scene.state() == "up"
    assert scene.incidents("open") == []
    assert len(scene.incidents("closed")) == 1


def test_a_worker_without_its_network_and_one_that_is_killed_leave_their_locations_blind(
    scene: Scene,
) -> None:
    scene.cut_off("frankfurt")
    docker("kill", scene.workers["virginia"])

    for name in ("frankfurt", "virginia"):
        wait_for(partial(scene.is_blind, name), seconds=120, what=name)
    scene.wait_for_checks(2, "tokyo")

    assert scene.state() == "up", "it is up from where it is seen"
    status = {each["name"]: each["overdue"] for each in scene.api("/status")["locations"]}
    assert status["tokyo"] == 0
    assert scene.api("/status")["overdue"] == 0, "the monitor itself is checked"
    assert len(scene.incidents("closed")) == 1, "no outage came of it"


def test_the_database_is_published_by_the_file_that_the_page_shows(tmp_path: Path) -> None:
    page = (ROOT / "docs/locations.md").read_text()
    [shown] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    own = tmp_path / "own.yml"
    own.write_text(shown.replace("10.8.0.1:5432:", "127.0.0.1::"))
    files = ["compose/base.yml", "compose/12.yml", str(own)]

    with Stack(files=files, up=("--wait", "db")) as stack:
        assert stack.run("port", "db", "5432").startswith("127.0.0.1:")
