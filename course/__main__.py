"""The command line: ``python3 -m course COMMAND``; see ``--help``.

Exit codes: 0 success; 1 the chain has faults, or a command failed at a stage; 2 could not run.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import listing, reading
from .chain import Commit, Main, Stage, find_main, group_by_stage, read_chain
from .each import StoppedError, choose, commit_by_commit, run_each
from .editions import BrokenChainError, join
from .figures import write_between_marks
from .git import Clone, CourseError
from .measure import measure, report
from .options import make_parser
from .rehearsal import GUIDE, rehearse
from .rules import Fault, find_main_faults
from .stages import title
from .tags import derive_tags, push_tags, update_tags


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Split here because argparse releases differ in which of several "--" they drop.
    cut = words.index("--") if "--" in words else len(words)
    parser = make_parser()
    options = parser.parse_args(words[:cut])
    command = words[cut + 1 :]
    if command and options.name != "each":
        parser.error(f"{options.name} takes no command after --")
    options.command = command
    try:
        code = _RUN[options.name](Clone.around(Path.cwd()), options)
        # Short output is written only now.
        sys.stdout.flush()
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except BrokenChainError as error:
        return _report(error.faults)
    except StoppedError as error:
        print(f"course: stopped by signal {error.signal}", file=sys.stderr)
        return 128 + error.signal
    except KeyboardInterrupt:
        # The exit code that shells use for Ctrl-C; no message is needed.
        return 130
    except BrokenPipeError:
        # The reader, as in `| head`, has closed the pipe; the flush at exit must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _list(clone: Clone, options: argparse.Namespace) -> int:
    _note_changes(clone)
    chain = read_chain(clone, clone.head())
    _note_strays(chain)
    for line in listing.lines(clone, group_by_stage(chain), commits=options.commits):
        print(line)
    return 0


def _tag(clone: Clone, options: argparse.Namespace) -> int:
    _note_changes(clone)
    main = _main(clone, options)
    faults = find_main_faults(clone, main.id)
    if faults:
        return _report(faults)
    wanted = derive_tags(clone, main.id)
    changes = update_tags(clone, wanted)
    for change in changes:
        print(f"{change}  {title(change.tag[-2:])}".rstrip())
    print(f"{len(wanted)} tags, {len(changes)} changed")
    if options.push:
        pushed = push_tags(clone, wanted, main.id, "origin")
        for change in pushed:
            print(f"pushed   {change.tag}  {(change.after or 'removed')[:9]}")
        print(f"{len(pushed)} pushed")
    return 0


def _tip(clone: Clone, options: argparse.Namespace) -> int:
    _note_changes(clone)
    print(read_chain(clone, _main(clone, options).id)[-1].id)
    return 0


def _verify(clone: Clone, options: argparse.Namespace) -> int:
    _note_changes(clone)
    main = _main(clone, options)
    faults = find_main_faults(clone, main.id)
    if faults:
        return _report(faults)
    chain = read_chain(clone, main.id)
    stages = len(group_by_stage(chain))
    print(f"{main.name} is sound at {main.id[:9]}: {stages} stages in {len(chain)} commits")
    return 0


def _each(clone: Clone, options: argparse.Namespace) -> int:
    if not options.command:
        raise CourseError("give the command to run after --, as in `each -- make test`")
    if options.only and (options.first or options.last):
        raise CourseError("give either --stage, or --from and --to")
    if not options.allow_dirty:
        _refuse_changes(clone, "they would not be tested; commit them, or give --allow-dirty")
    chain = read_chain(clone, clone.head())
    _note_strays(chain)
    stages = choose(group_by_stage(chain), options.only or (), options.first, options.last)
    succeeded = run_each(
        clone,
        commit_by_commit(stages) if options.commits else stages,
        options.command,
        keep_going=options.keep_going,
        folder=options.dir,
    )
    return 0 if succeeded else 1


def _diff(clone: Clone, options: argparse.Namespace) -> int:
    stage = _stage(clone, options.stage)
    lessons = reading.lessons(stage)
    if options.lesson is not None:
        if not 1 <= options.lesson <= len(lessons):
            raise CourseError(f"stage {stage.number} has no lesson {options.lesson}")
        clone.show(*reading.lesson_arguments(lessons[options.lesson - 1]))
        return 0
    if options.part == "lesson" and not lessons:
        _note(f"no commit of stage {stage.number} is marked as a lesson; this is all of the stage")
    elif options.part == "lesson" and len(lessons) > 1:
        _note(f"stage {stage.number} has {len(lessons)} lessons; --lesson 1 shows only the first")
    for arguments in reading.diff_arguments(stage, options.part):
        clone.show(*arguments)
    return 0


def _log(clone: Clone, options: argparse.Namespace) -> int:
    clone.show(*reading.log_arguments(_stage(clone, options.stage)))
    return 0


def _commits(clone: Clone, options: argparse.Namespace) -> int:
    chain = read_chain(clone, clone.head())
    long = [size for size in reading.sizes(clone, chain) if size.lines > options.lines]
    for size in long:
        commit = size.commit
        print(f"{commit.stage or '-':<5}  {commit.short}  {size.lines:5} lines  {commit.subject}")
    print(f"{len(long)} of {len(chain)} commits have more than {options.lines} lines to read")
    return 1 if long and options.strict else 0


def _guide(clone: Clone, options: argparse.Namespace) -> int:
    newest = max(group_by_stage(read_chain(clone, clone.head())))
    first, last = options.first or (newest if options.tree else "00"), options.last or newest
    guide = sorted(GUIDE.glob("[0-9][0-9].md"))
    pages = [page for page in guide if first <= page.stem <= last]
    if pages and last == newest == guide[-1].stem:
        # The README describes the last stage that has a page.
        pages.append(GUIDE.parents[1] / "README.md")
    if not pages:
        raise CourseError(f"there is no page from {first} to {last}")
    succeeded = rehearse(clone, pages, tree=options.tree, keep_going=options.keep_going)
    return 0 if succeeded else 1


def _measure(clone: Clone, options: argparse.Namespace) -> int:
    _note_changes(clone)
    by_number = group_by_stage(read_chain(clone, clone.head()))
    rows = measure(clone, choose(by_number, (), options.first or "02", options.last))
    lines = report(rows)
    print("\n".join(lines))
    if options.write:
        write_between_marks(clone.top / "course/guide/09.md", lines)
    return 1 if any(row.fault for row in rows) else 0


def _stage(clone: Clone, number: str) -> Stage:
    _note_changes(clone)
    [stage] = choose(group_by_stage(read_chain(clone, clone.head())), (number,), None, None)
    return stage


def _edition(clone: Clone, options: argparse.Namespace) -> int:
    _refuse_changes(clone, "an edition joins commits; commit or stash them first")
    print(join(clone, "\n\n".join(options.message).strip()))
    print("Now move the tags with `python3 -m course tag`.")
    return 0


def _main(clone: Clone, options: argparse.Namespace) -> Main:
    main = find_main(clone, options.main)
    if options.main is None and main.name != "main" and clone.find_commit("refs/heads/main"):
        _note("main is behind origin/main, which is used instead")
    return main


def _refuse_changes(clone: Clone, reason: str) -> None:
    if clone.has_changes():
        raise CourseError(f"there are uncommitted changes: {reason}")


def _note_changes(clone: Clone) -> None:
    if clone.has_changes():
        _note("uncommitted changes are not part of any stage")


def _note_strays(chain: Sequence[Commit]) -> None:
    strays = sum(commit.stage is None for commit in chain)
    if strays:
        _note(f"commits without a valid Stage trailer are not part of any stage: {strays}")


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _report(faults: Sequence[Fault]) -> int:
    for fault in faults:
        print(f"course: {fault}", file=sys.stderr)
    return 1


_RUN: dict[str, Callable[[Clone, argparse.Namespace], int]] = {
    "list": _list,
    "tag": _tag,
    "tip": _tip,
    "verify": _verify,
    "each": _each,
    "diff": _diff,
    "log": _log,
    "commits": _commits,
    "guide": _guide,
    "measure": _measure,
    "edition": _edition,
}


if __name__ == "__main__":
    sys.exit(main())
