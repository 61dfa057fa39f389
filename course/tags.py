"""Derives the tags from the trailers, and updates them accordingly.

The newest edition's stages are ``stage-NN``; an older edition's are ``edition-K/stage-NN``.
"""

import re
from dataclasses import dataclass

from .chain import group_by_stage, read_line
from .git import Clone, CourseError

_DERIVED = re.compile(r"(edition-[1-9][0-9]*/)?stage-[0-9]{2}")


@dataclass(frozen=True)
class Change:
    """A tag that was created (``before`` is None), moved, or removed (``after`` is None).

    Both are full ids of the commits that the tag pointed to.
    """

    tag: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Return the change as one line."""
        before, after = (self.before or "")[:9], (self.after or "")[:9]
        if not before:
            return f"made     {self.tag}  {after}"
        if not after:
            return f"removed  {self.tag}  {before}"
        return f"moved    {self.tag}  {before} -> {after}"


def derive_tags(clone: Clone, main: str) -> dict[str, str]:
    """Return the tags that a sound ``main`` requires, each with the id of its commit."""
    line = read_line(clone, main)
    editions = {int(commit.editions[0]): commit.parents[1] for commit in line if commit.is_edition}
    editions[1] = next(commit.id for commit in reversed(line) if not commit.is_edition)
    newest = max(editions)

    tags: dict[str, str] = {}
    for number, tip in sorted(editions.items()):
        prefix = "" if number == newest else f"edition-{number}/"
        for stage in group_by_stage(read_line(clone, tip)).values():
            tags[f"{prefix}stage-{stage.number}"] = stage.last.id
    return tags


def read_tags(clone: Clone) -> dict[str, str]:
    """Return the existing tags that this module manages, each with the id it points to."""
    lines = clone.git(
        *("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)"),
        *("refs/tags/stage-*", "refs/tags/edition-*/stage-*"),
    ).splitlines()
    pairs = [line.split(" ", 1) for line in lines]
    return {tag: id_ for id_, tag in pairs if _DERIVED.fullmatch(tag)}


def update_tags(clone: Clone, wanted: dict[str, str]) -> list[Change]:
    """Set the derived tags of the clone to the ``wanted`` ones; return what changed.

    Tags with names of other forms are left alone. All tags change together, or none does.
    """
    changes = _changes(read_tags(clone), wanted)
    clone.git("update-ref", "--stdin", "-z", stdin="".join(map(_instruction, changes)))
    return changes


def push_tags(clone: Clone, wanted: dict[str, str], main: str, remote: str) -> list[Change]:
    """Set the derived tags of ``remote`` to the ``wanted`` ones, all or none; return what changed.

    Raises CourseError if main is not at ``main`` there: an outdated clone would move tags back.
    """
    lines = clone.git("ls-remote", "--refs", remote).splitlines()
    refs = {ref: id_ for id_, ref in (line.split("\t", 1) for line in lines)}
    theirs = refs.get("refs/heads/main")
    if theirs != main:
        raise CourseError(
            f"main of {remote} is at {(theirs or 'nothing')[:9]}, not at {main[:9]}: "
            "push main or fetch it first"
        )
    tags = {ref.removeprefix("refs/tags/"): id_ for ref, id_ in refs.items()}
    present = {tag: id_ for tag, id_ in tags.items() if _DERIVED.fullmatch(tag)}
    changes = _changes(present, wanted)
    if changes:
        leases = [f"--force-with-lease=refs/tags/{c.tag}:{c.before or ''}" for c in changes]
        refspecs = [f"{change.after or ''}:refs/tags/{change.tag}" for change in changes]
        clone.git("push", "--quiet", "--atomic", "--no-verify", *leases, remote, *refspecs)
    return changes


def _changes(present: dict[str, str], wanted: dict[str, str]) -> list[Change]:
    names = sorted(present | wanted, key=lambda tag: ("/" in tag, tag))
    return [
        Change(tag, present.get(tag), wanted.get(tag))
        for tag in names
        if present.get(tag) != wanted.get(tag)
    ]


def _instruction(change: Change) -> str:
    if change.after is None:
        return f"delete refs/tags/{change.tag}\0{change.before}\0"
    # The old value is given so that a tag just moved by another process is not overwritten.
    before = change.before or "0" * len(change.after)
    return f"update refs/tags/{change.tag}\0{change.after}\0{before}\0"
