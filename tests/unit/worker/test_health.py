"""Health of a worker and of beat, judged by the work they have done."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from worker import health


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_wrong_usage_prints_the_usage_message() -> None:
    assert health.main([]) == 2
    assert health.main(["nobody"]) == 2


def test_a_worker_without_any_work_yet_is_unhealthy() -> None:
    assert health.main(["worker"]) == 1


def test_a_worker_is_healthy_after_recent_work_and_unhealthy_after_a_stall(folder: Path) -> None:
    health.alive("worker")
    assert health.main(["worker"]) == 0

    then = time.time() - health.STALL_SECONDS["worker"] - 1
    os.utime(folder / "stagewatch-worker-alive", (then, then))
    assert health.main(["worker"]) == 1


def test_a_fault_is_reported_when_it_lasts_and_not_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    health.alive("worker")
    note = health.FaultNote("worker")
    assert health.main(["worker"]) == 0
    note.write("too many open files", since=time.time())
    assert health.main(["worker"]) == 0

    note.write("too many open files", since=time.time() - health.FAULT_SECONDS)
    assert health.main(["worker"]) == 1
    assert "too many open files" in capsys.readouterr().out

    note.clear()
    assert health.main(["worker"]) == 0
    note.close()
