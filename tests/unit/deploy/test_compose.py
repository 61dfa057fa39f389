"""What is shared by the programs that change a running stack."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.compose import Failed, Project, alone, uninterrupted


def test_only_one_deploy_or_restore_runs_per_project(
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_neither_the_block_nor_its_children(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with uninterrupted():
        os.kill(os.getpid(), number)
        # A terminal sends Ctrl-C to its whole process group.
        group = Project([sys.executable]).run("-c", "import os; print(os.getpgrp())")

    assert int(group) != os.getpgrp()
    assert signal.getsignal(number) == before
