"""Stage 06: the local stack, one command up and one down."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.support import ROOT, Answer, Stack, built_image, docker, request, wait_for


def api(stack: Stack, path: str, **options: object) -> Answer:
    return request(stack.url(path), **options)  # type: ignore[arg-type]  # passed on


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(env={"RATE_LIMIT_PER_MINUTE": "50"}) as stack:
        wait_for(lambda: api(stack, "/ready").status == 200, what="the API to be ready")
        yield stack


def test_up_from_the_root_waits_until_it_is_well_and_down_leaves_only_the_data() -> None:
    stack = Stack(files=[], up=("--wait",), keep_volumes=True)
    label = f"label=com.docker.compose.project={stack.name}"
    try:
        with stack:
            assert api(stack, "/ready").json()["status"] == "ready"

        assert docker("ps", "--all", "--quiet", "--filter", label) == ""
        assert docker("network", "ls", "--quiet", "--filter", label) == ""
        assert docker("volume", "ls", "--quiet", "--filter", label) != ""
    finally:
        stack.stop()


def test_the_second_read_of_the_summary_is_served_from_redis(stack: Stack) -> None:
    def hit_after_a_miss() -> bool:
        # Two URLs, so that no cache in front of the API can have the second response.
        first, second = (api(stack, f"/api/status?{n}").headers["x-cache"] for n in range(2))
        return (first, second) == ("miss", "hit")

    wait_for(hit_after_a_miss, what="a miss and then a hit")
    assert stack.redis_cli("exists", "status") == "1"


def test_a_client_over_the_rate_limit_is_told_when_to_retry(stack: Stack) -> None:
    # The address is asked for once: on a busy machine that takes longer than a request.
    url = stack.url("/api/monitors")
    answers = (request(url) for _ in range(110))

    # Within two windows of a minute, whenever the first of them began.
    refused = next(answer for answer in answers if answer.status == 429)

    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_with_redis_stopped_requests_succeed_and_ready_says_degraded(stack: Stack) -> None:
    stack.run("stop", "redis")
    try:
        assert api(stack, "/api/status").headers["x-cache"] == "bypass"
        assert {api(stack, "/api/monitors").status for _ in range(60)} == {200}
        ready = api(stack, "/ready")
        assert (ready.status, ready.json()["status"]) == (200, "degraded")
    finally:
        stack.run("start", "redis")

    wait_for(lambda: api(stack, "/ready").json()["status"] == "ready", what="Redis to be back")


def test_services_find_each_other_by_name(stack: Stack) -> None:
    for name in ("db", "redis"):
        assert name in stack.run("exec", "api", "getent", "hosts", name)


def test_the_env_file_beside_the_compose_files_is_read(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "compose/.env").write_text("RATE_LIMIT_PER_MINUTE=77\n")

    for command in (["-f", "compose/base.yml", "-f", "compose/06.yml"], []):
        done = subprocess.run(
            ["docker", "compose", *command, "config"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert 'RATE_LIMIT_PER_MINUTE: "77"' in done.stdout
        assert "name: stagewatch" in done.stdout


def test_the_image_that_is_built_by_default_has_code_that_the_program_cant_change() -> None:
    with built_image("stagewatch") as tag:
        assert docker("run", "--rm", tag, "stat", "-c", "%U", "/srv/app").strip() == "root"


def copy(folder: Path) -> None:
    """Copy the files that the stack is made of, where a test may change them."""
    ignored = shutil.ignore_patterns("__pycache__", ".env")
    for name in ("app", "worker", "migrations", "compose", "nginx", "monitoring"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("Dockerfile", ".dockerignore", "alembic.ini", "requirements.lock", "compose.yaml"):
        shutil.copy(ROOT / name, folder)
