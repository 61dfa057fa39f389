"""Selects what to read of a stage: its lesson, its product or its tests; measures commits.

A commit is marked as a lesson, something the roadmap teaches, by a subject that begins with
``Lesson:`` or by a trailer of that name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .chain import Commit, Stage
from .git import Clone

LINES_PER_COMMIT = 400
"""The most lines, added and deleted, that a person reads in one commit."""

# The third contains the tests of the alert rules, which promtool runs.
_TESTS = ("tests", "course/tests", "monitoring/tests")
_LOCKS = ("*.lock",)
_SUBJECT = "--format=%C(auto)%h%C(reset) %C(bold)%s%C(reset)"
_BODY = "%n%n%w(0,4,4)%b"


@dataclass(frozen=True)
class Size:
    """A commit, and its number of added and deleted lines, excluding tests and lock files."""

    commit: Commit
    lines: int


def is_lesson(commit: Commit) -> bool:
    """Return whether the commit is marked as a lesson of the roadmap."""
    return bool(commit.lessons) or commit.subject.lower().startswith("lesson:")


def lessons(stage: Stage) -> list[Commit]:
    """Return the marked commits of the stage, in order."""
    return [commit for commit in stage.commits if is_lesson(commit)]


def lesson_arguments(commit: Commit) -> tuple[str, ...]:
    """Return the arguments of the git command that shows one lesson, beginning with its reason."""
    return ("show", f"{_SUBJECT}{_BODY}", commit.id, "--", ".", *_exclusions())


def diff_arguments(stage: Stage, part: str) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of the git commands that show a part of the stage.

    ``part`` is "lesson" (if no commits are marked: like "all", but without tests and locks),
    "product" (the unmarked commits, without tests and locks), "tests" or "all".
    """
    commits: Sequence[Commit] = stage.commits
    if part == "lesson":
        commits = lessons(stage) or commits
    if part == "product":
        commits = [commit for commit in commits if not is_lesson(commit)]
    paths = {"all": ["."], "tests": [f":/{folder}" for folder in _TESTS]}.get(
        part, [".", *_exclusions()]
    )
    runs = list(_runs(stage, commits))
    if len(runs) == 1:
        first, last = runs[0]
        yield ("diff", *_before(first), last.id, "--", *paths)
    elif runs:
        # Marked commits with others in between have no common diff: show them one after another.
        ids = [commit.id for commit in commits]
        yield ("show", "--format=%C(auto)%h%C(reset) %s", *ids, "--", *paths)


def log_arguments(stage: Stage) -> tuple[str, ...]:
    """Return the arguments of the git command that shows the stage's commits with messages."""
    text = f"{_SUBJECT}{_BODY}"
    return ("show", "--stat", text, *(commit.id for commit in stage.commits), "--")


def sizes(clone: Clone, chain: Sequence[Commit]) -> Iterator[Size]:
    """Yield the size of each commit of ``chain``, in its order."""
    for commit in chain:
        listing = clone.git(
            *("show", "--format=", "--numstat", "--no-renames", commit.id),
            *("--", ".", *_exclusions()),
        )
        # A binary file has "-" instead of numbers.
        numbers = [line.split("\t")[:2] for line in listing.splitlines() if line]
        yield Size(commit, sum(int(n) for pair in numbers for n in pair if n.isdecimal()))


def _exclusions() -> list[str]:
    return [f":(exclude,top){folder}" for folder in _TESTS] + [
        f":(exclude,top){pattern}" for pattern in _LOCKS
    ]


def _runs(stage: Stage, commits: Sequence[Commit]) -> Iterator[tuple[Commit, Commit]]:
    """Yield the first and last commit of each run of ``commits`` with no others in between."""
    chosen = {commit.id for commit in commits}
    first = last = None
    for commit in stage.commits:
        if commit.id in chosen:
            first = first or commit
            last = commit
        elif first is not None and last is not None:
            yield first, last
            first = last = None
    if first is not None and last is not None:
        yield first, last


def _before(commit: Commit) -> tuple[str, ...]:
    # The first commit of a history is compared with the empty tree.
    return commit.parents[:1] or ("4b825dc642cb6eb9a060e54bf8d69288fbee4904",)
