"""Stage 03: a Flask application in a container."""

from collections.abc import Iterator

import pytest
from testcontainers.core.container import DockerContainer

from tests.stack.support import Stack, built_image, docker, request, wait_for


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with built_image("flask-app") as tag:
        yield tag


def url(container: DockerContainer, path: str, port: int = 5000) -> str:
    return f"http://127.0.0.1:{container.get_exposed_port(port)}{path}"


def test_the_three_routes_answer(image: str) -> None:
    with DockerContainer(image).with_exposed_ports(5000) as flask:
        home = wait_for(lambda: request(url(flask, "/"))).json()

        assert home["stage"] == "03"
        assert request(url(flask, "/health")).json() == {"status": "ok"}
        assert request(url(flask, "/time")).json()["time"].endswith("+00:00")


def test_production_serves_with_gunicorn_and_not_with_the_debug_server(image: str) -> None:
    with DockerContainer(image).with_exposed_ports(5000) as flask:
        answer = wait_for(lambda: request(url(flask, "/health")))

        assert answer.headers["Server"] == "gunicorn"
        assert "Debugger" not in docker("logs", flask.get_wrapped_container().id)
        assert request(url(flask, "/console")).status == 404


def test_development_runs_the_server_that_reloads(image: str) -> None:
    development = DockerContainer(image).with_env("APP_ENV", "development").with_exposed_ports(5000)
    with development as flask:
        answer = wait_for(lambda: request(url(flask, "/health")))

        assert answer.headers["Server"].startswith("Werkzeug")
        assert "Debugger is active" in docker("logs", flask.get_wrapped_container().id)


def test_the_port_is_the_one_that_the_environment_names(image: str) -> None:
    with DockerContainer(image).with_env("PORT", "9000").with_exposed_ports(9000) as flask:
        assert wait_for(lambda: request(url(flask, "/health", 9000))).status == 200


def test_an_invalid_port_ends_the_container_with_a_clear_error(image: str) -> None:
    output = docker("run", "--rm", "--env", "PORT=http", image, check=False)

    assert output.strip() == "stagewatch: PORT is 'http'; it must be a number from 1 to 65535"


def test_the_image_names_its_port(image: str) -> None:
    template = "{{json .Config.ExposedPorts}}"

    assert docker("inspect", "--format", template, image).strip() == '{"5000/tcp":{}}'


def test_compose_publishes_it_and_passes_the_environment_on() -> None:
    with Stack(env={"APP_ENV": "development"}) as stack:
        health = f"http://{stack.published('api', 5000)}/health"

        assert wait_for(lambda: request(health)).headers["Server"].startswith("Werkzeug")
