"""Restoring a dump: the final message to the operator."""

import sys

import pytest

from deploy import restore
from deploy.compose import Failed


@pytest.mark.parametrize(
    ("failed", "begins"),
    [
        (Failed("the dump is cut off"), "NOT restored: the dump is cut off"),
        (restore.NotHealthyError("restored, but not all"), "restored, but not all"),
    ],
)
def test_only_a_restore_that_kept_the_old_database_is_reported_as_not_restored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failed: Failed, begins: str
) -> None:
    def fail(project: object, file: str) -> None:
        raise failed

    monkeypatch.setattr(restore, "restore", fail)
    monkeypatch.setattr(sys, "argv", ["restore", "a.dump"])
    monkeypatch.setenv("COMPOSE", "docker compose -p stagewatch-unit")

    code = restore.main()

    said = capsys.readouterr()
    assert code == 1
    assert begins in said.out + said.err
    assert ("NOT restored" in said.out + said.err) == begins.startswith("NOT")
