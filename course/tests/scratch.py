"""A throw-away repository with a chain of stages."""

import atexit
import contextlib
import functools
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from course.__main__ import main
from course.git import environment

STAGES = ("00", "01", "02", "03", "04", "05", "06", "07")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
# Thousands of small files are written and removed: in memory, where the machine has a place there.
_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
_SETTINGS = {
    "user.name": "A Learner",
    "user.email": "learner@example.org",
    "commit.gpgsign": "false",
    "init.defaultBranch": "main",
    "rebase.autoStash": "false",
    # Nothing here has to survive the test.
    "core.fsync": "none",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


def git_environment() -> dict[str, str]:
    """Return an environment in which git has our settings, and none of the host's."""
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for position, (key, value) in enumerate(_SETTINGS.items()):
        settings |= {f"GIT_CONFIG_KEY_{position}": key, f"GIT_CONFIG_VALUE_{position}": value}
    return (
        environment()
        | settings
        | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            # From `git -c`, when the tests are run by a hook; it would win over ours.
            "GIT_CONFIG_PARAMETERS": "",
            "GIT_SEQUENCE_EDITOR": ":",
            "GIT_EDITOR": ":",
            "PYTHONPATH": str(_PACKAGE_ROOT),
        }
    )


class Outcome(NamedTuple):
    """The outcome of a run of the command line."""

    code: int
    out: str
    err: str


class Repository:
    """A git repository in a folder of its own."""

    def __init__(self, top: Path) -> None:
        """Use the repository at ``top``, or the one that is about to be made there."""
        self.top = top

    def git(self, *arguments: str) -> str:
        """Run git and return what it prints, without the last line's end."""
        result = subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise AssertionError(f"git {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result.stdout.rstrip("\n")

    def course(self, *arguments: str) -> Outcome:
        """Run the command line in this process, at the top of the repository.

        What a command run by `each` prints is not in the outcome; `run` has it.
        """
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.top),
            mock.patch.dict(os.environ, git_environment(), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = main(arguments)
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
        return Outcome(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the command line as a process of its own, as a person would."""
        return subprocess.Popen(
            [sys.executable, "-m", "course", *arguments],
            cwd=self.top,
            env=git_environment() | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that starts something in the background has it ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run the command line as a process of its own, to its end."""
        with self.start(*arguments, env=env) as process:
            out, err = process.communicate(timeout=60)
        return Outcome(process.returncode, out, err)

    def write(self, path: str, text: str) -> None:
        """Write a file of the work tree."""
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, stage: str | None, subject: str, files: dict[str, str]) -> str:
        """Commit ``files`` for a stage, or without any trailer, and return the commit's id."""
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "--all")
        trailer = [] if stage is None else ["-m", f"Stage: {stage}"]
        self.git("commit", "--quiet", "--allow-empty", "-m", subject, *trailer)
        return self.id("HEAD")

    def change(self, stage: str, path: str, text: str) -> None:
        """Change a file where it belongs, in the last commit of its stage: the day's work."""
        target = self.last(stage)
        self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--fixup", target)
        # From the root is how a person does it; from the commit itself is the same, and faster.
        onto = "--root" if stage == "00" else f"{target}^"
        self.git("rebase", "--quiet", "-i", "--autosquash", onto)

    def id(self, rev: str) -> str:
        """Return the full id of what ``rev`` names."""
        return self.git("rev-parse", "--verify", rev)

    def last(self, stage: str) -> str:
        """Return the last commit of a stage in the chain at HEAD."""
        return self.git("log", "-1", "--format=%H", f"--grep=^Stage: {stage}$", "HEAD")

    def tags(self) -> dict[str, str]:
        """Return every tag with the id that it holds."""
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/tags")
        return dict(line.split(" ") for line in lines.splitlines())

    def worktrees(self) -> int:
        """Return how many worktrees git knows of, the repository's own included."""
        return self.git("worktree", "list").count("\n") + 1


@functools.cache
def _template() -> Path:
    top = Path(tempfile.mkdtemp(prefix="course-test-", dir=_FOLDER))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    repository = Repository(top)
    repository.git("init", "--quiet", "--template=")
    repository.git("switch", "--quiet", "--create", "course")
    repository.commit("00", "Say what this is", {"README.md": "read me\n", ".gitignore": "*.log\n"})
    repository.commit("00", "Add the course", {"course/tool.py": "1\n", ".ci/run": "true\n"})
    for stage in STAGES[1:]:
        repository.commit(stage, f"Begin stage {stage}", {f"app/{stage}.py": "first\n"})
        repository.commit(stage, f"Test stage {stage}", {f"tests/{stage}.py": "second\n"})
    repository.git("branch", "main")
    repository.git("repack", "--quiet", "-a", "-d")
    return top


class CourseTestCase(unittest.TestCase):
    """Gives each test a repository with stages 00 to 07, main at their end, and HEAD on course."""

    def setUp(self) -> None:
        """Copy the repository that all tests begin with."""
        folder = tempfile.TemporaryDirectory(prefix="course-test-", dir=_FOLDER)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.repository = Repository(self.folder / "clone")
        shutil.copytree(_template(), self.repository.top)

    def clone(self, name: str, *options: str) -> Repository:
        """Clone the test's repository, as someone else would."""
        copy = Repository(self.folder / name)
        self.repository.git(
            *("clone", "--quiet", "--branch", "main", *options),
            *(self.repository.top.as_uri(), str(copy.top)),
        )
        return copy

    def edition(self, why: str = "Say more") -> str:
        """Make an edition, which must succeed, and return the id of main's commit."""
        outcome = self.repository.course("edition", "-m", why)
        self.assertEqual(outcome.code, 0, outcome.err)
        return self.repository.id("main")

    def assert_fault(self, outcome: Outcome, commit: str, *words: str) -> None:
        """Check that the only fault reported is in ``commit``, and check its message."""
        self.assertEqual((outcome.code, outcome.out), (1, ""), outcome.err)
        self.assertEqual(outcome.err.count("\n"), 1, outcome.err)
        self.assertIn(commit[:9], outcome.err)
        subject = self.repository.git("log", "-1", "--format=%s", commit)
        for part in (f'"{subject}"', *words):
            self.assertIn(part, outcome.err)

    def assert_error(self, outcome: Outcome, words: str) -> None:
        """Check that the command refused, with one line and no traceback."""
        self.assertEqual((outcome.code, outcome.out), (2, ""), outcome.err)
        self.assertRegex(outcome.err, r"\Acourse: [^\n]+\n\Z")
        self.assertIn(words, outcome.err)


def stage_tags(stages: Sequence[str], prefix: str = "") -> set[str]:
    """Return the names of the tags of ``stages``."""
    return {f"{prefix}stage-{stage}" for stage in stages}
