"""Stage 09: `python3 -m course measure`, once on the real engine, at the two smallest stages."""

import re
import subprocess
import sys

from tests.stack.support import ROOT, docker

ROW = r"\| {} \| [\d.]+ MB \| -?[\d.]+ MB \| \d+ \| [\d.]+ s \| [\d.]+ s \| {}"


def test_images_builds_and_stacks_are_measured_and_nothing_stays() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "course", "measure", "--from", "02", "--to", "03"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(ROW.format("02", r"- \| - \|"), done.stdout), done.stdout
    assert re.search(ROW.format("03", r"[\d.]+ s \| \d+ MiB \|"), done.stdout), done.stdout
    mine = "name=stagewatch-measure"
    assert docker("ps", "--all", "--quiet", "--filter", mine) == ""
    assert docker("volume", "ls", "--quiet", "--filter", mine) == ""
    assert "stagewatch-measure" not in docker("image", "ls")
