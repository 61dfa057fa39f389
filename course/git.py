"""Runs git in one clone, and turns its errors into one line."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# git sets these for hooks and for `rebase --exec`. They tie every git subprocess to one repository
# and index, wherever it runs, so git in a worktree would modify the clone it came from.
LOCATION_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)

# Users' own hooks and replaced objects must have no effect here.
_OPTIONS = ("--no-replace-objects", "--no-optional-locks", "-c", "core.hooksPath=/dev/null")


class CourseError(Exception):
    """A reason to stop, in one line, for the user at the terminal."""


def environment() -> dict[str, str]:
    """Return a copy of the environment without the variables that tie git to one repository."""
    return {name: value for name, value in os.environ.items() if name not in LOCATION_VARIABLES}


def _run(
    folder: Path, arguments: tuple[str, ...], stdin: str = "", *, shielded: bool = False
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *_OPTIONS, *arguments],
            cwd=folder,
            # The messages are matched below, so they must be in a fixed language.
            env=environment() | {"LC_ALL": "C"},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            process_group=0 if shielded else None,
        )
    except FileNotFoundError as error:
        raise CourseError("git is not installed, or not on the PATH") from error


def _complaint(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or ["no reason given"])[-1]


@dataclass(frozen=True)
class Clone:
    """A git clone with its full history, and the work tree in which the command is run."""

    top: Path

    @classmethod
    def around(cls, folder: Path) -> Self:
        """Return the clone that ``folder`` is in.

        Raises CourseError outside a clone's work tree, and in a shallow clone, in which the chain
        would appear to begin in the middle.
        """
        found = _run(folder, ("rev-parse", "--is-shallow-repository", "--show-toplevel"))
        if found.returncode != 0:
            if "not a git repository" in found.stderr:
                raise CourseError("not inside a git clone; run it at the top of a clone")
            raise CourseError(_complaint(found.stderr))
        shallow, top = found.stdout.rstrip("\n").split("\n", 1)
        if shallow == "true":
            raise CourseError(
                "this clone is shallow and lacks earlier stages; run `git fetch --unshallow` first"
            )
        return cls(Path(top))

    def git(
        self, *arguments: str, stdin: str = "", at: Path | None = None, shielded: bool = False
    ) -> str:
        """Run git at the top of the work tree, or in the folder ``at``, and return its output.

        ``shielded`` protects the git process from Ctrl-C at the terminal, for a step that must not
        stop halfway. Raises CourseError, with git's own reason, if git fails.
        """
        result = _run(at or self.top, arguments, stdin, shielded=shielded)
        if result.returncode != 0:
            raise CourseError(f"git {arguments[0]}: {_complaint(result.stderr)}")
        return result.stdout

    def show(self, *arguments: str) -> None:
        """Run git for the user at the terminal, with git's own output, pager and colours.

        Raises CourseError if git fails.
        """
        sys.stdout.flush()
        code = subprocess.call(["git", *_OPTIONS, *arguments], cwd=self.top, env=environment())
        # 141: the user left the pager, or closed the pipe, before the end.
        if code not in {0, 141, -13}:
            raise CourseError(f"git {arguments[0]}: exit code {code}")

    def find_commit(self, rev: str) -> str | None:
        """Return the full id of the commit that ``rev`` names, or None if it names none."""
        result = _run(
            self.top, ("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}")
        )
        return result.stdout.strip() if result.returncode == 0 else None

    def head(self) -> str:
        """Return the id of the commit at HEAD. Raises CourseError if there is none yet."""
        commit = self.find_commit("HEAD")
        if commit is None:
            raise CourseError("there is no commit at HEAD yet")
        return commit

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Return whether commit ``older`` is ``newer`` or one of its ancestors."""
        result = _run(self.top, ("merge-base", "--is-ancestor", older, newer))
        if result.returncode > 1:
            raise CourseError(f"git merge-base: {_complaint(result.stderr)}")
        return result.returncode == 0

    def has_changes(self) -> bool:
        """Return whether anything is uncommitted, including new files that are not ignored."""
        return bool(self.git("status", "--porcelain", "--untracked-files=normal"))

    def worktrees(self) -> dict[Path, str]:
        """Return the folders of the clone's worktrees, with their branches' refs ("" if none)."""
        found: dict[Path, str] = {}
        folder = self.top
        for line in self.git("worktree", "list", "--porcelain").splitlines():
            key, _, value = line.partition(" ")
            if key == "worktree":
                folder = Path(value)
                found[folder] = ""
            elif key == "branch":
                found[folder] = value
        return found
