"""The metrics about backups."""

import os
import time
from pathlib import Path

from worker.backups import Backups


def told(folder: Path) -> dict[str, float]:
    return {family.name: family.samples[0].value for family in Backups(folder).collect()}


def test_only_the_newest_good_dump_is_reported(tmp_path: Path) -> None:
    names = {
        "stagewatch-20261123T031500Z.dump": 1000,
        "stagewatch-20261124T031500Z.dump": 2000,
        ".partial-stagewatch-20261125T031500Z.dump": 3000,
        ".taken-stagewatch-20261125T031500Z.dump": 3000,
        "notes.txt": 3000,
    }
    for name, moment in names.items():
        (tmp_path / name).write_bytes(b"x" * moment)
        os.utime(tmp_path / name, (moment, moment))

    assert told(tmp_path) == {
        "stagewatch_backup_timestamp_seconds": 2000,
        "stagewatch_backup_size_bytes": 2000,
        "stagewatch_backups": 2,
    }


def test_a_dump_that_was_made_while_the_clock_was_ahead_is_not_the_newest(tmp_path: Path) -> None:
    for name, moment in (
        ("stagewatch-20261123T031500Z.dump", 1000),
        ("stagewatch-20371123T031500Z.dump", time.time() + 86400),
    ):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (moment, moment))

    assert told(tmp_path)["stagewatch_backup_timestamp_seconds"] == 1000
    assert told(tmp_path)["stagewatch_backups"] == 2


def test_without_a_dump_it_says_that_there_is_none(tmp_path: Path) -> None:
    assert told(tmp_path)["stagewatch_backup_timestamp_seconds"] == 0


def test_a_missing_folder_gives_no_metrics(tmp_path: Path) -> None:
    assert told(tmp_path / "nothing") == {}
