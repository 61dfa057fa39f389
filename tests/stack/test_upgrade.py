"""A volume that was written at stage 05 is read by every later stage."""

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.support import ROOT, STAGE, Stack, request, wait_for


def stages() -> dict[str, str]:
    """Return the stages up to this one, and the last commit of each."""
    command = [sys.executable, "-m", "course", "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[0]: row[2] for row in rows if row[0].isdigit()}


@contextmanager
def tree(stage: str) -> Iterator[Path]:
    """Check a stage out for the block; of this one, take the files that are being tested."""
    if stage == STAGE:
        yield ROOT
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", path, stages()[stage]], check=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", path], check=True)


def ready(stack: Stack) -> str:
    """Return the address of a stack's API, once it is ready."""
    wait_for(lambda: request(stack.url("/ready")).status == 200, what="the API to be ready")
    return stack.url("")


def test_rows_that_stage_05_wrote_are_served_by_each_later_one() -> None:
    project = f"stagewatch-test-{uuid.uuid4().hex[:8]}"
    later = [stage for stage in stages() if "05" < stage <= STAGE]
    assert later
    try:
        with tree("05") as root, Stack(root=root, name=project, keep_volumes=True) as stack:
            api = ready(stack)
            body = {"name": "From 05", "kind": "http", "url": "http://127.0.0.1/"}
            monitor = request(f"{api}/api/monitors", method="POST", json_body=body).json()["id"]
            check = request(f"{api}/api/monitors/{monitor}/check", method="POST").json()

        for stage in later:
            with tree(stage) as root, Stack(root=root, name=project, keep_volumes=True) as stack:
                api = ready(stack)
                path = f"{api}/api/monitors/{monitor}"
                assert request(path).json()["name"] == "From 05"
                served = request(f"{path}/checks?limit=1000").json()["items"]
                assert check["checked_at"] in {each["checked_at"] for each in served}
    finally:
        Stack(name=project).stop()
