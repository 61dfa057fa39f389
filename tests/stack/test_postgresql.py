"""Stage 05: rows that outlive their container, and a database that is stopped and started."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.support import Answer, Stack, docker, request, wait_for


class Api:
    """The stack's API, at the stack's public address."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def get(self, path: str, **options: Any) -> Answer:
        return request(self.stack.url(path), **options)

    def add_monitor(self, name: str) -> None:
        body = {"name": name, "kind": "http", "url": "https://example.com/"}
        assert self.get("/api/monitors", method="POST", json_body=body).status == 201

    def monitors(self) -> list[str]:
        return [item["name"] for item in self.get("/api/monitors").json()["items"]]

    def is_ready(self) -> bool:
        return self.get("/ready").status == 200


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        wait_for(Api(stack).is_ready, what="the API to be ready")
        yield stack


def test_rows_survive_a_restart_and_the_removal_of_the_databases_container(stack: Stack) -> None:
    api = Api(stack)
    api.add_monitor("Shop")

    stack.run("restart", "db")
    wait_for(api.is_ready, what="the API to find the database again")
    assert api.monitors() == ["Shop"]

    [before] = stack.containers("db")
    stack.run("rm", "--force", "--stop", "--volumes", "db")
    stack.run("up", "--detach", "db")
    wait_for(api.is_ready, what="the API to find the new container")
    assert stack.containers("db") != [before]
    assert api.monitors() == ["Shop"]


def test_migrations_run_once_before_the_api_starts_and_again_without_effect(
    stack: Stack,
) -> None:
    [migrate] = stack.containers("migrate")
    [api] = stack.containers("api")
    ended = docker("inspect", "--format", "{{.State.ExitCode}} {{.State.FinishedAt}}", migrate)
    started = docker("inspect", "--format", "{{.State.StartedAt}}", api).strip()
    assert ended.split()[0] == "0"
    assert ended.split()[1] <= started

    Api(stack).add_monitor("Shop")
    stack.run("run", "--rm", "migrate")
    assert Api(stack).monitors() == ["Shop"]


def test_without_the_database_it_is_alive_not_ready_and_answers_503_until_it_is_back(
    stack: Stack,
) -> None:
    api = Api(stack)
    [container] = stack.containers("api")
    stack.run("stop", "db")

    # An answer that takes longer is an OSError here.
    assert api.get("/health", timeout=5).status == 200
    assert api.get("/ready", timeout=5).status == 503
    refused = api.get("/api/monitors", timeout=5)
    assert refused.status == 503
    assert refused.headers["content-type"] == "application/problem+json"

    stack.run("start", "db")
    wait_for(api.is_ready, what="the API to recover")
    assert api.get("/api/monitors").status == 200
    assert stack.containers("api") == [container]


def test_requests_are_answered_within_five_seconds_if_the_database_hangs(stack: Stack) -> None:
    api = Api(stack)
    stack.run("pause", "db")
    try:
        assert api.get("/health", timeout=5).status == 200
        assert api.get("/ready", timeout=5).status == 503
        assert api.get("/api/monitors", timeout=5).status == 503
    finally:
        stack.run("unpause", "db")

    wait_for(api.is_ready, what="the API to recover")


def test_the_database_is_reached_by_name_inside_and_not_at_all_from_outside(stack: Stack) -> None:
    assert "db" in stack.run("exec", "api", "getent", "hosts", "db")
    [db] = stack.containers("db")
    assert docker("port", db) == ""


def test_a_service_that_ends_by_itself_is_started_again_and_a_job_is_not(stack: Stack) -> None:
    [api], [migrate] = stack.containers("api"), stack.containers("migrate")

    stack.run("exec", "api", "python", "-c", "import os; os.kill(1, 15)")

    count = "{{.RestartCount}}"
    wait_for(lambda: docker("inspect", "--format", count, api).strip() == "1", what="the restart")
    wait_for(lambda: request(stack.url("/health")).status == 200)
    assert docker("inspect", "--format", count, migrate).strip() == "0"


def test_the_image_that_services_share_is_built_once() -> None:
    config = json.loads(Stack().run("config", "--format", "json"))
    own = {
        name: service
        for name, service in config["services"].items()
        if "/" not in service["image"] and ":stage-" in service["image"]
    }

    assert len({service["image"] for service in own.values()}) == 1
    assert [name for name, service in own.items() if "build" in service] == ["migrate"]
