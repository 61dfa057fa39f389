"""Stage 01: what `docker run` does with a ready-made image."""

import uuid

import pytest
from testcontainers.core.container import DockerContainer

from tests.stack.support import Stack, docker, request, wait_for


def test_hello_world_says_that_the_engine_works() -> None:
    output = docker("run", "--rm", "hello-world")

    assert "Hello from Docker!" in output


@pytest.fixture
def nginx_name() -> str:
    return f"stagewatch-test-{uuid.uuid4().hex[:8]}"


def test_nginx_answers_on_the_mapped_port_and_logs_the_request(nginx_name: str) -> None:
    with DockerContainer("nginx:1.30").with_name(nginx_name).with_exposed_ports(80) as nginx:
        page = f"http://127.0.0.1:{nginx.get_exposed_port(80)}/"

        answer = wait_for(lambda: request(page), what="Nginx to answer")

        assert answer.status == 200
        assert b"Welcome to nginx" in answer.body
        assert nginx_name in docker("ps", "--format", "{{.Names}}")
        wait_for(lambda: '"GET / HTTP/1.1" 200' in docker("logs", nginx_name), what="the log line")


def test_a_command_can_be_run_inside_the_container(nginx_name: str) -> None:
    with DockerContainer("nginx:1.30").with_name(nginx_name):
        assert "nginx version: nginx/" in docker("exec", nginx_name, "nginx", "-v")


def test_inspect_tells_which_port_is_mapped_where(nginx_name: str) -> None:
    with DockerContainer("nginx:1.30").with_name(nginx_name).with_exposed_ports(80) as nginx:
        template = '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}'

        port = docker("inspect", "--format", template, nginx_name).strip()

        assert port == str(nginx.get_exposed_port(80))


def test_one_image_gives_two_containers_that_differ() -> None:
    with DockerContainer("nginx:1.30") as one, DockerContainer("nginx:1.30") as other:
        first, second = (c.get_wrapped_container() for c in (one, other))
        docker("exec", first.id, "touch", "/tmp/only-here")  # noqa: S108 (inside a container)

        assert first.image.id == second.image.id
        assert docker("exec", first.id, "ls", "/tmp").strip() == "only-here"  # noqa: S108
        assert docker("exec", second.id, "ls", "/tmp").strip() == ""  # noqa: S108


def test_a_stopped_container_is_still_there_and_a_removed_one_leaves_nothing(
    nginx_name: str,
) -> None:
    docker("run", "--detach", "--name", nginx_name, "nginx:1.30")
    try:
        docker("stop", nginx_name)
        assert nginx_name not in docker("ps", "--format", "{{.Names}}")
        assert nginx_name in docker("ps", "--all", "--format", "{{.Names}}")
    finally:
        docker("rm", "--force", "--volumes", nginx_name)

    assert nginx_name not in docker("ps", "--all", "--format", "{{.Names}}")


def test_compose_serves_our_page_from_the_official_image_and_down_leaves_nothing() -> None:
    with Stack() as stack:
        page = f"http://{stack.published('web', 80)}/"

        answer = wait_for(lambda: request(page), what="the page")

        assert b"Coming soon" in answer.body
        assert stack.published("web", 80).startswith("127.0.0.1:")

    left = ("ps", "--all"), ("network", "ls"), ("volume", "ls")
    for command in left:
        label = f"label=com.docker.compose.project={stack.name}"
        assert docker(*command, "--quiet", "--filter", label) == ""
