"""The command line: ``python3 -m course COMMAND``; see ``--help``.

Exit codes: 0 done; 1 the chain is at fault, or a command failed at a stage; 2 could not be tried.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import listing
from .chain import Commit, Main, find_main, group_by_stage, read_chain
from .each import StoppedError, choose, run_each
from .editions import BrokenChainError, join
from .git import Clone, CourseError
from .rules import Fault, find_main_faults
from .stages import title
from .tags import derive_tags, update_tags

_DESCRIPTION = """\
The course is a chain of commits, each with the number of its stage in a trailer, as in
"Stage: 05". main has the tree of the newest stage. An edition joins a rewritten chain to main."""

_LIST = """\
List the stages of the chain at HEAD: the tag that is there, the commit, how many commits, and what
the stage adds. At an edition, as main is, that is the chain which the edition joined."""

_TAG = """\
Make the tags that main calls for: stage-NN is the last commit of a stage in the newest edition,
edition-K/stage-NN the same in an older one. Run it again after a fetch, and they move. Tags of
these two forms that main does not call for are removed; other tags are left alone. Nothing is
changed if `verify` finds a fault."""

_TIP = """\
Print the id of the last commit of the newest stage on main, from which the chain goes on:

    git switch -c course $(python3 -m course tip)"""

_EACH = """\
Run a command at every stage of the chain at HEAD, from 01 on, each in a worktree of its own. The
command runs at the top of the worktree, without a terminal to read from, and finds the number of
the stage in the variable STAGE. It is run directly; for a shell's syntax, run a shell:

    python3 -m course each -- make test
    python3 -m course each --from 05 --keep-going -- sh -c 'docker build -t demo:$STAGE .'

Worktrees are removed at the end, whatever the end is, unless --dir keeps them."""

_EDITION = """\
Join the chain at HEAD to main. main is made if there is none, and moved forward if the chain only
adds to it. Otherwise main gets an edition: a merge of main and HEAD with the tree of HEAD. Its
message is WHY and a list of the stages that changed. main is not moved if `verify` would find a
fault then. A change to an earlier stage goes like this:

    git switch -c course $(python3 -m course tip)
    git commit --fixup COMMIT-OF-THE-STAGE
    git rebase -i --autosquash --root
    python3 -m course edition -m 'Stage 05: a lost connection is retried'
    python3 -m course tag"""

_VERIFY = """\
Check that the chain of main is linear, begins with stage 00 and never goes back; that every commit
has one Stage trailer; that main has the tree of its newest stage; that every edition is well
formed; and that stage 00's files are the same at every later commit. Exit code 1, with the commits
at fault, if not."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Split by hand: releases of argparse differ in which of several "--" they drop.
    cut = words.index("--") if "--" in words else len(words)
    parser = _parser()
    options = parser.parse_args(words[:cut])
    command = words[cut + 1 :]
    if command and options.run is not _each:
        parser.error(f"{options.name} takes no command after --")
    options.command = command
    try:
        return int(options.run(Clone.around(Path.cwd()), options))
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except BrokenChainError as error:
        return _report(error.faults)
    except StoppedError as error:
        print(f"course: stopped by signal {error.signal}", file=sys.stderr)
        return 128 + error.signal
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, as in `| head`, has seen enough; the flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m course",
        usage="python3 -m course COMMAND ...",
        description=_DESCRIPTION,
        epilog="`python3 -m course COMMAND --help` tells more about each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(
        prog="python3 -m course", required=True, metavar="COMMAND", dest="name", title="commands"
    )

    def add(name: str, text: str, usage: str, brief: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            usage=f"python3 -m course {name} {usage}".rstrip(),
            help=brief,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    list_ = add("list", _LIST, "[-v]", "list the stages of the chain at HEAD")
    list_.add_argument("-v", "--commits", action="store_true", help="list each stage's commits too")
    list_.set_defaults(run=_list)

    for name, text, brief, run in (
        ("tag", _TAG, "make or move the tags of the stages", _tag),
        ("tip", _TIP, "print the commit from which the chain goes on", _tip),
        ("verify", _VERIFY, "check the chain and main", _verify),
    ):
        sub = add(name, text, "[--main REF]", brief)
        sub.add_argument(
            "--main",
            metavar="REF",
            help="use this as main (default: main, or origin/main if ahead)",
        )
        sub.set_defaults(run=run)

    each = add("each", _EACH, "[OPTION]... -- COMMAND...", "run a command at every stage")
    for option, name, text in (
        ("--stage", "only", "only this stage (repeatable)"),
        ("--from", "first", "the first stage (default: 01)"),
        ("--to", "last", "the last stage (default: the newest)"),
    ):
        each.add_argument(
            option,
            dest=name,
            type=_stage_number,
            metavar="NN",
            action="append" if name == "only" else "store",
            help=text,
        )
    each.add_argument("--keep-going", action="store_true", help="go on after a failure")
    each.add_argument(
        "--dir",
        type=Path,
        help="keep the worktrees, as DIR/NN; a later run resets them to their commits but leaves "
        "ignored files, as .venv, in place (choose a folder outside the clone, or an ignored one)",
    )
    each.add_argument(
        "--allow-dirty", action="store_true", help="run though uncommitted changes are left out"
    )
    each.set_defaults(run=_each)

    edition = add("edition", _EDITION, "-m WHY", "join the chain at HEAD to main")
    edition.add_argument(
        "-m",
        "--message",
        action="append",
        default=[],
        metavar="WHY",
        help="what is new and why; several become paragraphs (needed where a merge is made)",
    )
    edition.set_defaults(run=_edition)
    return parser


def _stage_number(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a stage, as 05")
    return text.zfill(2)


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
        clone, stages, options.command, keep_going=options.keep_going, folder=options.dir
    )
    return 0 if succeeded else 1


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


if __name__ == "__main__":
    sys.exit(main())
