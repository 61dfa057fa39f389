"""The workflows run nothing that a laptop can't run, and pin everything they use."""

import re
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.stack.support import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
RUN = re.compile(r"^ +-? *run: (?:\|\n((?:(?: {10,}.*)?\n)+)|(.+)\n)", re.MULTILINE)


def commands(text: str) -> list[str]:
    return [block or line for block, line in RUN.findall(text)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.name))
def test_every_step_is_a_target_of_the_makefile(workflow: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    found = commands(workflow.read_text())

    assert found
    for command in found:
        targets = re.findall(r"\bmake (?:--silent )?([a-z-]+)", command)
        assert len(targets) == 1, command
        assert re.search(rf"^([a-z-]+ )*{targets[0]}\b.*:", makefile, re.MULTILINE), targets


def test_an_action_is_pinned_by_one_commit_and_says_its_version() -> None:
    pins = defaultdict(set)
    for workflow in WORKFLOWS:
        for line in re.findall(r"uses: (.+)", workflow.read_text()):
            match = re.fullmatch(r"([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line)
            assert match, line
            pins[match[1]].add(match.groups())

    assert {action for action, versions in pins.items() if len(versions) > 1} == set()


def test_a_secret_is_known_to_the_jobs_of_its_environment_only() -> None:
    environments = {"DOCKERHUB_TOKEN": "release", "TAGS_TOKEN": "tags"}
    for workflow in WORKFLOWS:
        text = workflow.read_text()
        assert "\npermissions: {}\n" in text
        jobs = re.split(r"^  (?=[a-z]+:$)", text.partition("\njobs:\n")[2], flags=re.MULTILINE)
        for job in jobs:
            secrets = set(re.findall(r"secrets\.(\w+)", job))
            assert {environments[secret] for secret in secrets} == set(
                re.findall(r"^    environment: (\w+)$", job, re.MULTILINE)
            )


def test_a_stages_tag_is_released_only_once_whatever_token_pushes_it() -> None:
    tags = (ROOT / ".github/workflows/tags.yml").read_text()
    release = (ROOT / ".github/workflows/release.yml").read_text()
    triggers = re.findall(r"^    tags: \[(.+)\]$", release, re.MULTILINE)

    assert "gh workflow run release.yml --field tag=TAG" in tags
    released = [
        tag
        for tag in ("v1.2.3", "stage-11")
        if any(fnmatch(tag, pattern.strip(' "')) for pattern in triggers[0].split(","))
    ]
    assert released == ["v1.2.3"]
