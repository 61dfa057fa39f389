"""Stage 02: the script in its own image."""

import subprocess
from collections.abc import Iterator

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.stack.support import Stack, built_image, docker, wait_for


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with built_image("python-script") as tag:
        yield tag


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Make a network with a web server called `target` in it."""
    with (
        Network() as network,
        DockerContainer("nginx:1.30").with_network(network).with_network_aliases("target") as nginx,
    ):
        wait_for(lambda: nginx.exec(["curl", "-sf", "http://target/"]).exit_code == 0)
        yield network


def run(image: str, network: Network, *urls: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines that `docker run IMAGE URL…` prints."""
    command = ["docker", "run", "--rm", "--network", network.name, image, *urls]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_it_prints_the_systems_details_and_a_line_for_each_url(
    image: str, network: Network
) -> None:
    code, lines = run(image, network, "http://target/", "http://target/index.html")

    assert code == 0
    assert "Python 3.14" in lines[0]
    assert "kernel" in lines[0]
    assert len(lines) == 3
    assert all(" 200 " in line and " ms " in line and " bytes" in line for line in lines[1:])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://nowhere.invalid/", "host not found"),
        ("http://target:81/", "connection refused"),
        ("target", "bad URL"),
        ("https://target:80/", "TLS: "),
        ("http://target/missing", "status 404"),
    ],
)
def test_a_failed_url_has_one_line_with_its_reason_and_the_exit_code_is_1(
    image: str, network: Network, url: str, reason: str
) -> None:
    code, lines = run(image, network, url, "http://target/")

    assert code == 1
    assert len(lines) == 3
    assert lines[1].startswith(f"{url}  FAILED  {reason}")
    assert " 200 " in lines[2]


def test_a_server_that_never_answers_is_a_timeout(image: str, network: Network) -> None:
    silent = DockerContainer(image).with_network(network).with_network_aliases("silent")
    silent.with_kwargs(entrypoint=["python", "-c"])
    silent.with_command(
        ["import socket,time; s=socket.create_server(('',80)); print('up'); time.sleep(600)"]
    )
    with silent as server:
        wait_for(lambda: b"up" in server.get_logs()[0])

        code, lines = run(image, network, "--timeout", "0.5", "http://silent/")

    assert code == 1
    assert lines[1] == "http://silent/  FAILED  timed out after 0.5 s"


def test_docker_stop_ends_it_at_once(image: str, network: Network) -> None:
    silent = DockerContainer(image).with_network(network).with_network_aliases("mute")
    silent.with_kwargs(entrypoint=["python", "-c"])
    silent.with_command(
        ["import socket,time; s=socket.create_server(('',80)); print('up'); time.sleep(600)"]
    )
    script = DockerContainer(image).with_network(network).with_command("http://mute/ --timeout 600")
    with silent as server:
        wait_for(lambda: b"up" in server.get_logs()[0])
        with script as waiting:
            wait_for(lambda: b"kernel" in waiting.get_logs()[0])
            container = str(waiting.get_wrapped_container().id)

            # Killed after two seconds, it would exit with 137.
            docker("stop", "--timeout", "2", container)

            code = docker("inspect", "--format", "{{.State.ExitCode}}", container).strip()
    assert code == "130"


def test_without_arguments_it_calls_a_public_api(image: str, network: Network) -> None:
    _, lines = run(image, network)

    assert len(lines) == 2
    assert lines[1].startswith("https://api.github.com/zen")


def test_a_change_of_code_leaves_the_layers_below_it_as_they_were(image: str) -> None:
    history = docker("history", "--format", "{{.CreatedBy}}", image).splitlines()

    assert "ENTRYPOINT" in history[0]
    assert "STOPSIGNAL" in history[1]
    assert "COPY app/" in history[2]
    assert "WORKDIR" in history[3]


def test_compose_runs_the_script_beside_the_page() -> None:
    with Stack(env={"PROBE_URLS": "http://web/"}) as stack:

        def is_found() -> bool:
            # It may have ended before the page was served; started again, it finds the page.
            found = " 200 " in stack.run("logs", "script")
            if not found:
                stack.run("start", "script")
            return found

        wait_for(is_found, what="the script's line")
