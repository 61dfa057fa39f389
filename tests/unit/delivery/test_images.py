"""Which Docker commands are run if the machine's default builder is not the engine's own."""

import os
import subprocess
from pathlib import Path

import pytest

from delivery.__main__ import main

# Records its arguments, and answers like Docker with a separate builder.
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
    "buildx inspect") printf 'Name:   ours\\nDriver: docker-container\\n' ;;
    *--metadata-file*) echo '{"containerimage.digest": "sha256:built"}' >"$4" ;;
    *"imagetools inspect"*) echo '{"digest": "sha256:list"}' ;;
    *refused*) exit 1 ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the calls of a docker that only writes them down; be in a checkout."""
    tool = tmp_path / "bin/docker"
    tool.parent.mkdir()
    tool.write_text(DOCKER)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    source = tmp_path / "source"
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for command in (
        ("init", "--quiet", "--template=", str(source)),
        ("-C", str(source), *settings, "commit", "--quiet", "--allow-empty", "-m", "A"),
    ):
        subprocess.run(["git", *command], check=True)
    monkeypatch.chdir(source)
    return tmp_path / "calls"


def test_an_image_is_pushed_by_its_digest_alone_with_its_attestations(
    calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["push", "refs/tags/v1.0.0", "docker.io/name/stagewatch", "--url", "https://u"]) == 0
    )

    assert capfd.readouterr().out == "sha256:built\n"
    build = calls.read_text().splitlines()[-1]
    assert "push-by-digest=true" in build
    assert "--sbom=true --provenance=mode=max" in build
    assert "--label=org.opencontainers.image.version=1.0.0" in build
    assert "--label=org.opencontainers.image.source=https://u" in build
    assert "--tag" not in build


def test_two_architectures_become_one_image_that_is_tagged_at_last(
    calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    repository = "docker.io/name/stagewatch"

    assert main(["publish", "refs/tags/v1.0.0", repository, "sha256:amd64", "sha256:arm64"]) == 0

    assert capfd.readouterr().out == "sha256:list\n"
    first, _, *others = calls.read_text().splitlines()
    create = "buildx imagetools create --tag="
    one, two = (f"{repository}@sha256:{architecture}" for architecture in ("amd64", "arm64"))
    assert first == f"{create}{repository}:1.0.0 {one} {two}"
    assert [line.split(":")[1].split()[0] for line in others[:3]] == ["1.0", "1", "latest"]
    assert all(line.endswith(f" {repository}@sha256:list") for line in others)


def test_the_tags_of_a_ref_are_printed_and_a_branch_has_none(
    calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["tags", "refs/tags/stage-07"]) == 0
    assert main(["tags", "refs/heads/main"]) == 0

    assert capfd.readouterr().out.splitlines()[0] == "stage-07"
    assert not calls.exists()


@pytest.mark.parametrize(
    ("ref", "repository", "reason"),
    [
        ("refs/tags/v1.0", "docker.io/name/stagewatch", "not a version"),
        ("refs/heads/main", "docker.io/name/stagewatch", "not a release"),
        ("refs/tags/v1.0.0", "refused/stagewatch", "exit code 1"),
    ],
)
def test_an_error_is_printed_in_one_line(
    calls: Path, capfd: pytest.CaptureFixture[str], ref: str, repository: str, reason: str
) -> None:
    assert main(["publish", ref, repository, "sha256:one"]) == 1

    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("delivery: ")
    assert reason in printed.err
