"""Stage 11: a release, from a git tag through a registry to a running stack."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack.support import ROOT, Stack, docker, request, wait_for

SECRET = f"a-secret-{uuid.uuid4().hex}"
# In the program's own files, to prove that the search would find a secret.
KNOWN = b"an uptime monitor's API"


@dataclass(frozen=True)
class Registry:
    """A registry of the test's own. Docker takes localhost without TLS."""

    address: str

    @property
    def repository(self) -> str:
        return f"{self.address}/stagewatch"

    def tags(self) -> set[str]:
        return set(request(f"http://{self.address}/v2/stagewatch/tags/list").json()["tags"])

    def digest(self, tag: str) -> str:
        """Return the digest that a tag points to."""
        kinds = (
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        )
        answer = request(
            f"http://{self.address}/v2/stagewatch/manifests/{tag}",
            headers={"Accept": ", ".join(kinds)},
        )
        return answer.headers["docker-content-digest"]


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    container = docker("run", "--detach", "--publish", "127.0.0.1::5000", "registry:2").strip()
    try:
        port = docker("port", container, "5000").strip().rpartition(":")[2]
        address = f"localhost:{port}"
        wait_for(lambda: request(f"http://{address}/v2/").status == 200, what="the registry")
        yield Registry(address)
    finally:
        docker("rm", "--force", "--volumes", container)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout with releases, in which somebody has left secrets."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--template=")
    commit(folder, "v1.2.3", "v2.0.0")
    commit(folder, "v1.2.4", "v2.1.0-rc.1", "stage-11")
    for name in (".env", "compose/.env", "app/.env", "secrets/postgres_password"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"POSTGRES_PASSWORD={SECRET}\n")
    return folder


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=")
    command = ["git", *settings, "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def commit(folder: Path, *tags: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", ", ".join(tags))
    for tag in tags:
        git(folder, "tag", tag)


def delivery(*arguments: str) -> str:
    """Run what the workflow's make targets run, with a secret in the environment."""
    done = subprocess.run(
        [sys.executable, "-m", "delivery", *arguments],
        cwd=ROOT,
        env=os.environ | {"POSTGRES_PASSWORD": SECRET, "DOCKERHUB_TOKEN": SECRET},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pushed(registry: Registry, source: Path) -> Iterator[str]:
    """Return the digest of an image that was built from the source and pushed."""
    ref = "refs/tags/v1.2.4"
    digest = delivery("push", ref, registry.repository, "--source", str(source))
    try:
        yield digest
    finally:
        names = docker("image", "ls", "--quiet", registry.repository).split()
        docker("rmi", "--force", *names, check=False)


def publish(registry: Registry, source: Path, tag: str, digest: str) -> str:
    """Publish as a release of `tag`; return the digest of what was published."""
    ref = f"refs/tags/{tag}"
    return delivery("publish", ref, registry.repository, digest, "--source", str(source))


def test_a_release_is_pushed_removed_pulled_by_its_digest_and_runs(
    registry: Registry, source: Path, pushed: str
) -> None:
    digest = publish(registry, source, "v1.2.4", pushed)
    commit_id = git(source, "rev-parse", "--short=12", "HEAD").strip()
    assert {"1.2.4", "1.2", f"sha-{commit_id}"} <= registry.tags()
    assert {registry.digest(tag) for tag in ("1.2.4", "1.2", f"sha-{commit_id}")} == {digest}
    docker("rmi", "--force", *docker("image", "ls", "--quiet", registry.repository).split())

    image = f"{registry.repository}@{digest}"
    with Stack(env={"STAGEWATCH_IMAGE": image}, up=("--wait",)) as stack:
        assert request(stack.url("/ready")).json()["status"] == "ready"

        for service in ("api", "worker", "beat", "migrate"):
            [container] = stack.containers(service)
            assert docker("inspect", "--format", "{{.Config.Image}}", container).strip() == image
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.version"] == "1.2.4"
    assert labels["org.opencontainers.image.revision"] == git(source, "rev-parse", "HEAD").strip()


def test_latest_is_moved_by_the_newest_release_only(
    registry: Registry, source: Path, pushed: str
) -> None:
    newest = publish(registry, source, "v2.0.0", pushed)

    for tag in ("v1.2.4", "v2.1.0-rc.1", "stage-11"):
        publish(registry, source, tag, pushed)

    assert registry.digest("latest") == newest
    assert {"2.0.0", "2.0", "2", "2.1.0-rc.1", "stage-11"} <= registry.tags()
    assert "2.1" not in registry.tags()


def test_a_branch_is_not_released(registry: Registry, source: Path) -> None:
    command = [sys.executable, "-m", "delivery", "push", "refs/heads/main", registry.repository]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "delivery: refs/heads/main is not a release, so its image gets no tags\n"


def test_no_secret_is_in_a_layer_or_in_the_history(
    registry: Registry, pushed: str, tmp_path: Path
) -> None:
    image = f"{registry.repository}@{pushed}"
    docker("pull", "--quiet", image)
    docker("save", "--output", str(tmp_path / "image.tar"), image)

    names, contents = set(), [docker("history", "--no-trunc", image).encode()]
    for name, content in files(tmp_path / "image.tar"):
        names.add(name.rpartition("/")[2])
        contents.append(content)

    # What is searched is the image, with its files and its configuration.
    assert any(KNOWN in content for content in contents)
    assert any(b"org.opencontainers.image.revision" in content for content in contents)
    assert not any(SECRET.encode() in content for content in contents)
    assert not {".env", "postgres_password", ".git", ".dockerconfigjson"} & names


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of all files in an archive, and of archives in it."""
    with tarfile.open(archive) as outer:
        for name, content in members(outer):
            yield name, content
            # Not every file is an archive.
            with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(content)) as layer:
                yield from members(layer)


def members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if member.isfile() else None
        yield member.name, file.read() if file is not None else b""
