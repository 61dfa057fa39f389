"""Stage 09: `python3 -m course measure`, once on the real engine, at the two smallest stages."""

import re
import subprocess
import sys

from tests.stack.support import ROOT, docker

ROW = r"\| {} \| [\d.]+ MB \| -?[\d.]+ MB \| \d+ \| [\d.]+ s \| [\d.]+ s \| {}"


def test_images_builds_and_stacks_are_measured_without_leftovers() -> None:
    arguments = ["measure", "--from", "02", "--to", "03"]
    measuring = subprocess.Popen(
        [sys.executable, "-m", "course", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = measuring.communicate(timeout=600)

    assert measuring.returncode == 0, output
    assert re.search(ROW.format("02", r"- \| - \|"), output), output
    assert re.search(ROW.format("03", r"[\d.]+ s \| \d+ MiB \|"), output), output
    # Another run on this machine has names with its own process's number.
    left = (
        docker("ps", "--all", "--format", "{{.Names}}")
        + docker("volume", "ls", "--format", "{{.Name}}")
        + docker("image", "ls", "--format", "{{.Repository}}")
    )
    assert not re.search(rf"stagewatch-measure-\d\d-{measuring.pid}-", left), left
