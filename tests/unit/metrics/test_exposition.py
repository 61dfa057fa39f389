"""Metrics of several processes are added up."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[3]

COUNT = """
from app.metrics.definitions import CHECKS, RUNNING
CHECKS.labels("http", "ok").inc({checks})
RUNNING.set({checks})
"""
SHOW = """
import sys
from app.metrics.exposition import render
sys.stdout.buffer.write(render())
"""


def run(code: str, folder: Path) -> str:
    """Run `code` in a process of its own, which keeps its metrics in `folder`."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_processes_that_share_a_folder_report_the_sum_of_their_counts(
    tmp_path: Path,
) -> None:
    run(COUNT.format(checks=2), tmp_path)
    run(COUNT.format(checks=3), tmp_path)

    text = run(SHOW, tmp_path)

    families = {family.name: family for family in text_string_to_metric_families(text)}
    (sample,) = families["stagewatch_checks"].samples
    assert (sample.labels, sample.value) == ({"kind": "http", "outcome": "ok"}, 5)
