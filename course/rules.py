"""The rules for a chain and for main; `verify` reports violations, with their commits."""

from collections.abc import Iterator
from dataclasses import dataclass

from .chain import Commit, read_chain, read_line
from .git import Clone

# Only stage 00 may change files in these folders or add new ones.
STAGE_00_FOLDERS = ("course/", ".ci/")


@dataclass(frozen=True)
class Fault:
    """A commit, and the rest of a sentence (its subject is the commit) about what is wrong."""

    commit: Commit
    what: str

    def __str__(self) -> str:
        """Return the fault as one line."""
        return f'{self.commit.short} "{self.commit.subject}" {self.what}'


def find_main_faults(clone: Clone, main: str) -> list[Fault]:
    """Return what is wrong with ``main`` and with the chain that it holds.

    Only the newest edition's chain must follow the rules of a chain: older ones are history, which
    nobody can repair. Raises CourseError if there are no stages at all.
    """
    chain = read_chain(clone, main)
    # A fault on main makes it a different chain, whose faults would only hide the cause.
    return list(_main_line_faults(clone, read_line(clone, main))) or find_chain_faults(clone, chain)


def find_chain_faults(clone: Clone, chain: list[Commit]) -> list[Fault]:
    """Return what is wrong with ``chain``, which has its oldest commit first."""
    # Which files stage 00 owns is known only if the order is correct.
    return list(_order_faults(chain)) or list(_stage_00_faults(clone, chain))


def _main_line_faults(clone: Clone, line: list[Commit]) -> Iterator[Fault]:
    merges = [commit for commit in line if len(commit.parents) > 1]
    trees = clone.git("rev-parse", *(f"{merge.parents[1]}^{{tree}}" for merge in merges)).split()
    joined = {merge.id: tree for merge, tree in zip(merges, trees, strict=True)}

    edition = 1
    for commit in line:
        if len(commit.parents) < 2:
            if commit.editions:
                yield Fault(commit, "has an Edition trailer but joins no chain: it is not a merge")
            elif edition > 1:
                yield Fault(
                    commit,
                    f"was made on main, after edition {edition}, so main is not the same as its "
                    "newest stage; commit it to the chain and join that with `edition`",
                )
            continue
        if not commit.editions:
            yield Fault(
                commit,
                f"is a merge within the chain: it has {len(commit.parents)} parents and no "
                "Edition trailer",
            )
            continue
        edition += 1
        if commit.editions != (str(edition),):
            yield Fault(
                commit, f"says Edition: {', '.join(commit.editions)}, but {edition} is the next"
            )
        if len(commit.parents) != 2:
            yield Fault(
                commit, f"has {len(commit.parents)} parents: an edition has main and the new tip"
            )
        if commit.tree != joined[commit.id]:
            yield Fault(
                commit,
                f"has a different tree from {commit.parents[1][:9]}, the last commit of the newest "
                "stage that it joins",
            )


def _order_faults(chain: list[Commit]) -> Iterator[Fault]:
    highest = "00"
    for position, commit in enumerate(chain):
        if commit.is_edition:
            yield Fault(
                commit,
                f"is edition {', '.join(commit.editions)}, within the chain: the chain goes on "
                f"from the tip that it joined, {commit.parents[1][:9]}, not from the edition",
            )
        elif len(commit.parents) > 1:
            yield Fault(
                commit, f"is a merge within the chain: it has {len(commit.parents)} parents"
            )
        elif commit.stage is None:
            yield Fault(commit, _trailer_fault(commit))
        elif position == 0 and commit.stage != "00":
            yield Fault(commit, f"begins the chain with stage {commit.stage}, not with stage 00")
            highest = commit.stage
        elif commit.stage < highest:
            yield Fault(commit, f"goes back to stage {commit.stage}, after stage {highest}")
        else:
            highest = commit.stage


def _trailer_fault(commit: Commit) -> str:
    if len(commit.stages) > 1:
        return f"has {len(commit.stages)} Stage trailers, {', '.join(commit.stages)}, not one"
    if commit.stages:
        return f"has the trailer Stage: {commit.stages[0]}, which is not two digits"
    if commit.subject.startswith(("fixup!", "squash!", "amend!")):
        return (
            "has no Stage trailer: it still has to be put where it belongs, "
            "with `git rebase -i --autosquash --root`"
        )
    return "has no Stage trailer"


def _stage_00_faults(clone: Clone, chain: list[Commit]) -> Iterator[Fault]:
    last = max(position for position, commit in enumerate(chain) if commit.stage == "00")
    files = clone.git("ls-tree", "-r", "-z", "--name-only", chain[last].id).split("\0")
    fixed = frozenset(files)
    later = {commit.id: commit for commit in chain[last + 1 :]}
    for id_, paths in _changed_paths(clone, list(later)).items():
        changed = [path for path in paths if path in fixed]
        added = [p for p in paths if p not in fixed and p.startswith(STAGE_00_FOLDERS)]
        if changed:
            yield Fault(later[id_], f"changes {_some(changed)}, which only stage 00 may change")
        if added:
            yield Fault(later[id_], f"adds {_some(added)} to a folder that only stage 00 fills")


def _changed_paths(clone: Clone, commits: list[str]) -> dict[str, list[str]]:
    """Return for each of ``commits`` the paths whose content or mode it changes."""
    changed: dict[str, list[str]] = {}
    raw = clone.git(
        *("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames"),
        stdin="".join(f"{id_}\n" for id_ in commits),
    )
    # A record is a commit id, or ":modes and blobs" followed by a record with the path.
    records = iter(raw.split("\0"))
    commit = ""
    for record in records:
        if record.startswith(":"):
            changed[commit].append(next(records))
        elif record:
            commit = record.strip()
            changed[commit] = []
    return changed


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return paths[0] + more
