"""A volume written at stage 05 is read by every later stage; and going back from 12."""

import re
import shlex
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


def way_back() -> list[list[str]]:
    """Return the arguments of the commands in docs/secrets.md for going back to stage 11."""
    text = (ROOT / "docs/secrets.md").read_text().partition("To go back to stage 11")[2]
    found = re.findall(r"^    docker compose (.+)$", text, re.MULTILINE)
    return [shlex.split(command) for command in found]


def test_after_the_documented_downgrade_stage_11_checks_what_stage_12_has_stored() -> None:
    project = f"stagewatch-test-{uuid.uuid4().hex[:8]}"
    env = {"ALLOWED_NETWORKS": "172.16.0.0/12,192.168.0.0/16,10.0.0.0/8"}
    try:
        with Stack(name=project, env=env, keep_volumes=True, up=("--wait",)) as stack:
            body = {
                "name": "Seen from nowhere",
                "kind": "http",
                "url": "http://nginx/health",
                # Without a worker it is not checked at stage 12.
                "locations": ["nowhere"],
            }
            added = request(stack.url("/api/monitors"), method="POST", json_body=body)
            monitor = added.json()["id"]
            window = stack.url(f"/api/monitors/{monitor}/maintenance")
            assert request(window, method="POST").status == 201
            for command in way_back():
                stack.run(*command)

        with (
            tree("11") as root,
            Stack(root=root, name=project, env=env, keep_volumes=True) as stack,
        ):
            shown = f"{ready(stack)}/api/monitors/{monitor}"
            wait_for(lambda: request(shown).json()["checked_at"], what="a check at stage 11")
    finally:
        Stack(name=project).stop()
