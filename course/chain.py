"""Reads the chain: the course's commits, each with the number of its stage in a trailer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .git import Clone, CourseError

_FIELD, _VALUE = "\x1f", "\x1e"
_FORMAT = "%x1f".join(  # noqa: FLY002 (a field a line)
    (
        "%H",
        "%T",
        "%P",
        "%(trailers:key=Stage,valueonly,unfold,separator=%x1e)",
        "%(trailers:key=Edition,valueonly,unfold,separator=%x1e)",
        "%(trailers:key=Lesson,valueonly,unfold,separator=%x1e)",
        # The subject comes last: only it may contain anything, even a separator.
        "%s",
    )
)


@dataclass(frozen=True)
class Commit:
    """A commit, with the values of its Stage, Edition and Lesson trailers as written."""

    id: str
    tree: str
    parents: tuple[str, ...]
    stages: tuple[str, ...]
    editions: tuple[str, ...]
    lessons: tuple[str, ...]
    subject: str

    @property
    def short(self) -> str:
        """The abbreviated id."""
        return self.id[:9]

    @property
    def stage(self) -> str | None:
        """The number of the commit's stage, two digits; None without exactly one valid trailer."""
        if len(self.stages) == 1 and re.fullmatch("[0-9]{2}", self.stages[0]):
            return self.stages[0]
        return None

    @property
    def is_edition(self) -> bool:
        """Whether the commit joins a chain to main."""
        return len(self.parents) > 1 and bool(self.editions)


@dataclass(frozen=True)
class Stage:
    """A stage of a chain: its commits, the oldest first."""

    number: str
    commits: tuple[Commit, ...]

    @property
    def last(self) -> Commit:
        """The commit that the stage's tag names."""
        return self.commits[-1]


class Main(NamedTuple):
    """The branch that everything is joined to: the name it was found by, and its commit id."""

    name: str
    id: str


def find_main(clone: Clone, rev: str | None = None) -> Main:
    """Return ``rev``, or the branch main if it is None.

    That is the local branch, unless there is none or it is only behind ``origin/main``: after a
    fetch the newest edition counts, whether or not the local branch has been moved to it.

    Raises CourseError if there is no such commit.
    """
    if rev is not None:
        named = clone.find_commit(rev)
        if named is None:
            raise CourseError(f"there is no commit {rev!r}")
        return Main(rev, named)
    local = clone.find_commit("refs/heads/main")
    remote = clone.find_commit("refs/remotes/origin/main")
    if remote is not None and (local is None or clone.is_ancestor(local, remote)):
        return Main("main" if local == remote else "origin/main", remote)
    if local is None:
        raise CourseError("there is no branch main, nor origin/main; name one with --main")
    return Main("main", local)


def read_line(clone: Clone, rev: str) -> list[Commit]:
    """Return ``rev`` and its first parents down to the root, the oldest first."""
    log = clone.git(
        *("log", "--first-parent", "--no-show-signature", "--no-patch", "-z"),
        *("--format=tformat:" + _FORMAT, rev, "--"),
    )
    commits = [_parse(record) for record in log.split("\0") if record]
    return commits[::-1]


def _parse(record: str) -> Commit:
    id_, tree, parents, stages, editions, lessons, subject = record.split(_FIELD, 6)
    return Commit(
        id=id_,
        tree=tree,
        parents=tuple(parents.split()),
        stages=_values(stages),
        editions=_values(editions),
        lessons=_values(lessons),
        subject=subject,
    )


def _values(field: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in field.split(_VALUE)) if field else ()


def read_chain(clone: Clone, rev: str) -> list[Commit]:
    """Return the chain at ``rev``, the oldest commit first.

    At an edition, this is the chain that it joined, its second parent. The chain is returned even
    if it is not sound.

    Raises CourseError if none of its commits has a Stage trailer.
    """
    line = read_line(clone, rev)
    if line[-1].is_edition:
        line = read_line(clone, line[-1].parents[1])
    if not any(commit.stages for commit in line):
        raise CourseError(f"there are no Stage trailers in the history of {line[-1].short}")
    return line


def group_by_stage(chain: Iterable[Commit]) -> dict[str, Stage]:
    """Return the stages of ``chain`` by number, in order; commits without a stage are left out."""
    commits: dict[str, list[Commit]] = {}
    for commit in chain:
        if commit.stage is not None:
            commits.setdefault(commit.stage, []).append(commit)
    return {number: Stage(number, tuple(commits[number])) for number in sorted(commits)}
