"""What the programs share that change a running stack."""

from pathlib import Path

import pytest

from deploy.compose import Failed, Project, alone


def test_two_at_once_in_a_project_are_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        alone("one"),
        alone("another"),
        pytest.raises(Failed, match="another `make deploy` or `make restore` is running"),
        alone("one"),
    ):
        pass
    with alone("one"):
        pass


def test_a_command_that_fails_says_why() -> None:
    project = Project(["sh", "-c", 'echo "no such service: $0"; exit 3'])

    with pytest.raises(Failed, match="no such service: up"):
        project.run("up")
