"""Stage 04: a production image."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer

from tests.stack.support import ROOT, Stack, built_image, docker, request, wait_for


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with built_image("stagewatch") as tag:
        yield tag


@pytest.fixture(scope="module")
def api(image: str) -> Iterator[DockerContainer]:
    with DockerContainer(image).with_exposed_ports(8000) as container:
        wait_for(lambda: request(url(container, "/health")))
        yield container


def url(container: DockerContainer, path: str) -> str:
    return f"http://127.0.0.1:{container.get_exposed_port(8000)}{path}"


def inside(container: DockerContainer, *command: str) -> str:
    return docker("exec", str(container.get_wrapped_container().id), *command, check=False)


def health(container: DockerContainer) -> str:
    template = "{{.State.Health.Status}}"
    return docker(
        "inspect", "--format", template, str(container.get_wrapped_container().id)
    ).strip()


def test_the_routes_answer(api: DockerContainer) -> None:
    assert request(url(api, "/")).json()["name"] == "stagewatch"
    assert request(url(api, "/health")).status == 200
    assert request(url(api, "/time")).status == 200


def test_a_probe_of_a_private_address_is_refused(api: DockerContainer) -> None:
    answer = request(
        url(api, "/api/probe"), method="POST", json_body={"url": "http://127.0.0.1:8000/health"}
    )

    assert answer.status == 200
    assert answer.json()["ok"] is False
    assert "127.0.0.1" in answer.json()["error"]


def test_a_probe_of_an_allowed_address_tells_its_timings(image: str) -> None:
    allowed = DockerContainer(image).with_env("ALLOWED_NETWORKS", "127.0.0.0/8")
    with allowed.with_exposed_ports(8000) as api:
        wait_for(lambda: request(url(api, "/health")))

        result = request(
            url(api, "/api/probe"), method="POST", json_body={"url": "http://127.0.0.1:8000/health"}
        ).json()

    assert (result["ok"], result["status_code"], result["error"]) == (True, 200, None)
    assert result["timings"]["first_byte_ms"] <= result["latency_ms"]


def test_the_program_does_not_run_as_root(api: DockerContainer) -> None:
    assert inside(api, "id", "-u").strip() == "10001"
    assert "Permission denied" in inside(api, "touch", "/srv/app/file")


def test_no_compiler_is_in_the_image(api: DockerContainer) -> None:
    for tool in ("gcc", "cc", "make"):
        assert "not found" in inside(api, tool, "--version"), tool


def test_pip_leaves_no_cache_in_the_image(image: str) -> None:
    listing = docker("run", "--rm", "--user", "0", image, "ls", "-A", "/root")

    assert ".cache" not in listing


def test_the_image_holds_the_program_and_nothing_else_of_the_repository(
    api: DockerContainer,
) -> None:
    names = set(inside(api, "ls", "-A", "/srv").split())

    assert "app" in names
    assert not names & {".git", ".env", "compose", "tests", "course", ".venv", "README.md"}


def test_secrets_history_and_tests_do_not_even_reach_the_build(tmp_path: Path) -> None:
    for name in (
        *(".git/config", ".env", "compose/.env", "tests/test.py", "app/main.py", "new.key"),
        *("secrets/database_password", "secrets/certs/privkey.pem"),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("content")
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "Dockerfile").write_text("FROM hello-world\nCOPY . /context\n")
    tag = f"stagewatch:test-{uuid.uuid4().hex[:8]}"

    docker("build", "--tag", tag, str(tmp_path))
    try:
        sent = docker("run", "--rm", tag, "find", "/context", "-type", "f").split()
    finally:
        docker("rmi", "--force", tag)

    assert set(sent) == {"/context/app/main.py", "/context/requirements.lock"}


def test_the_operators_commands_are_in_it(api: DockerContainer) -> None:
    assert inside(api, "stagewatch", "--version").startswith("stagewatch ")


def test_docker_finds_it_healthy(api: DockerContainer) -> None:
    wait_for(lambda: health(api) == "healthy", what="the health check to pass")


def test_the_health_check_fails_on_a_redirect_an_error_and_silence(image: str) -> None:
    script = """
import http.server, subprocess, sys, threading
check = [sys.executable, "-m", "app.healthcheck"]
for status in (200, 301, 404, 503):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Location", "/")
            self.end_headers()
        def log_message(self, *arguments): pass
    server = http.server.HTTPServer(("127.0.0.1", 8000), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = subprocess.call(check, stdout=subprocess.DEVNULL)
    server.shutdown()
    server.server_close()
    print(status, code)
print("silence", subprocess.call(check, stdout=subprocess.DEVNULL))
"""

    output = docker("run", "--rm", image, "python", "-c", script)

    assert output.splitlines() == ["200 0", "301 1", "404 1", "503 1", "silence 1"]


def test_docker_stop_ends_it_within_two_seconds(image: str) -> None:
    with DockerContainer(image).with_exposed_ports(8000) as api:
        wait_for(lambda: request(url(api, "/health")))
        container = str(api.get_wrapped_container().id)

        # After two seconds Docker would kill it, and the exit code would be 137.
        docker("stop", "--timeout", "2", container)

        code = docker("inspect", "--format", "{{.State.ExitCode}}", container).strip()
        assert code in {"0", "143"}


# The base image has the groups 20 and 0 already; 20 is a developer's first group on a Mac.
@pytest.mark.parametrize(("uid", "gid"), [("1234", "1234"), ("501", "20"), ("1000", "0")])
def test_the_users_ids_can_be_set(uid: str, gid: str) -> None:
    tag = f"stagewatch:test-{uuid.uuid4().hex[:8]}"
    arguments = ["--build-arg", f"UID={uid}", "--build-arg", f"GID={gid}"]
    docker("build", *arguments, "--tag", tag, str(ROOT), timeout=600)
    try:
        assert docker("run", "--rm", tag, "sh", "-c", "id -u; id -g").split() == [uid, gid]
    finally:
        docker("rmi", "--force", tag)


def test_compose_serves_it() -> None:
    with Stack() as stack:
        assert wait_for(lambda: request(stack.url("/health"))).json() == {"status": "ok"}
