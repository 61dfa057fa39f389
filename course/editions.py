"""Joins the chain at HEAD to main, so that main only ever moves forward."""

from collections.abc import Mapping

from .chain import Commit, Stage, group_by_stage, read_chain, read_line
from .git import Clone, CourseError
from .rules import Fault, find_chain_faults, find_main_faults

_MAIN = "refs/heads/main"


class BrokenChainError(Exception):
    """The chain cannot be joined; ``faults`` says why."""

    def __init__(self, faults: list[Fault]) -> None:
        """Keep ``faults`` for the report."""
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def join(clone: Clone, why: str) -> str:
    """Join the chain at HEAD to main and return a sentence that describes what was done.

    main is created if there is none, moved forward if the chain only adds to it, and otherwise gets
    an edition: a merge of main and HEAD with HEAD's tree, whose message begins with ``why``.

    Raises CourseError if joining is not allowed now, BrokenChainError if the chain is not sound.
    """
    head = clone.head()
    _refuse_if_checked_out(clone)
    local = clone.find_commit(_MAIN)
    remote = clone.find_commit("refs/remotes/origin/main")
    if local and remote and not clone.is_ancestor(remote, local):
        raise CourseError(
            "origin/main has what main lacks; run `git fetch origin main:main` and join again"
        )
    main = local or remote

    if main is None:
        chain = _sound_chain(clone, head)
        _move_main(clone, head, None)
        return f"main is made at {head[:9]}, edition 1, {_count(chain)}."

    joined = read_chain(clone, main)
    if head == joined[-1].id:
        raise CourseError("nothing to join: the chain at HEAD is the one that main has")
    if clone.is_ancestor(head, main):
        raise CourseError("nothing to join: HEAD is a part of main already; switch to the new tip")
    chain = _sound_chain(clone, head)
    old, new = group_by_stage(joined), group_by_stage(chain)
    lost = [number for number in old if number not in new]
    if lost:
        raise CourseError(f"the chain at HEAD lacks what main has: {_stages(lost)}")

    if clone.is_ancestor(main, head):
        _check(find_main_faults(clone, head))
        _move_main(clone, head, local)
        return f"main is moved forward to {head[:9]}, {_count(chain)}."

    if not why:
        raise CourseError("this makes an edition: say why, with -m WHY")
    number = 2 + sum(commit.is_edition for commit in read_line(clone, main))
    changes = describe_changes(old, new)
    edition = clone.git(
        *("commit-tree", f"{head}^{{tree}}", "-p", main, "-p", head, "-F", "-"),
        stdin=f"{why}\n\n{changes}\n\nEdition: {number}\n",
    ).strip()
    # The commit is checked before any ref points to it, so that main is never a broken edition.
    _check(find_main_faults(clone, edition))
    _move_main(clone, edition, local)
    return f"main is {edition[:9]}, edition {number}, {_count(chain)}.\n{changes}"


def describe_changes(old: Mapping[str, Stage], new: Mapping[str, Stage]) -> str:
    """Return which stages' trees differ between two chains, and which stages are new."""
    changed = [n for n in new if n in old and new[n].last.tree != old[n].last.tree]
    added = [n for n in new if n not in old]
    lines = []
    if changed or not added:
        lines.append(f"Stages changed: {', '.join(changed) or 'none, only the way to them'}")
    if added:
        lines.append(f"Stages added: {', '.join(added)}")
    return "\n".join(lines)


def _refuse_if_checked_out(clone: Clone) -> None:
    for folder, branch in clone.worktrees().items():
        if branch != _MAIN:
            continue
        if folder.resolve() == clone.top.resolve():
            raise CourseError(
                "you are on main, which only editions move; work on the branch course: "
                "`git switch course`, or `git switch -c course $(python3 -m course tip)`"
            )
        raise CourseError(f"main is checked out in {folder}; switch to another branch there first")


def _sound_chain(clone: Clone, head: str) -> list[Commit]:
    chain = read_chain(clone, head)
    _check(find_chain_faults(clone, chain))
    return chain


def _check(faults: list[Fault]) -> None:
    if faults:
        raise BrokenChainError(faults)


def _move_main(clone: Clone, new: str, old: str | None) -> None:
    # Given the old value, the update fails if another process has moved main in the meantime.
    clone.git("update-ref", "-m", "course edition", _MAIN, new, old or "0" * len(new))


def _count(chain: list[Commit]) -> str:
    return f"{len(group_by_stage(chain))} stages in {len(chain)} commits"


def _stages(numbers: list[str]) -> str:
    return ("stage " if len(numbers) == 1 else "stages ") + ", ".join(numbers)
