"""Defines the command line: its commands, their options, and the texts of `--help`."""

import argparse
from pathlib import Path

from . import reading

_DESCRIPTION = """\
The course is a chain of commits, each with the number of its stage in a trailer, as in
"Stage: 05". main has the tree of the newest stage. An edition joins a rewritten chain to main."""

_LIST = """\
List the stages of the chain at HEAD: the tag, the commit, the number of commits, and what the
stage adds. At an edition, such as main, this is the chain that the edition joined."""

_TAG = """\
Create the tags that main requires: stage-NN is the last commit of a stage in the newest edition,
edition-K/stage-NN the same in an older one. Run it again after a fetch to move them. Tags of these
two forms that main does not require are removed; other tags are left alone. Nothing is changed if
`verify` finds a fault. With --push, the tags of origin are updated, too, if its main is the same
as here."""

_TIP = """\
Print the id of the last commit of the newest stage on main, from which the chain goes on:

    git switch -c course $(python3 -m course tip)"""

_EACH = """\
Run a command at every stage of the chain at HEAD, from 01 on, each in its own worktree. The
command runs at the top of the worktree, without a terminal to read from, and finds the number of
the stage in the variable STAGE. It is run directly; for a shell's syntax, run a shell:

    python3 -m course each -- make test
    python3 -m course each --from 05 --keep-going -- sh -c 'docker build -t demo:$STAGE .'
    python3 -m course each --stage 07 --commits --dir /tmp/each -- make lint test TESTS=tests/unit

Worktrees are removed at the end, even after a failure, unless --dir keeps them."""

_EDITION = """\
Join the chain at HEAD to main. main is made if there is none, and moved forward if the chain only
adds to it. Otherwise main gets an edition: a merge of main and HEAD with the tree of HEAD. Its
message is WHY and a list of the stages that changed. main is not moved if `verify` would find a
fault then. To change an earlier stage:

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

_DIFF = """\
Show what a stage teaches about Docker: the changes of its commits that are marked `Lesson:`,
without tests and lock files. A stage without such commits shows all of its changes.

    python3 -m course diff 05              the lesson, or all lessons
    python3 -m course diff 05 --lesson 2   one of them, with its reason: the second
    python3 -m course diff 05 --product    how the program grows: the other commits
    python3 -m course diff 05 --tests      the stage's tests
    python3 -m course diff 05 --all        everything, as `git diff stage-04 stage-05`

Pager and colours are those that git is set up with."""

_LOG = """\
List the commits of a stage in the order in which they were made, each with its reason and its
files: the story of the stage. Pager and colours are those that git is set up with."""

_COMMITS = """\
List the commits of the chain at HEAD with more than a given number of lines to read, added and
deleted, excluding tests and lock files. This is a warning, unless --strict makes it a fault with
exit code 1."""

_GUIDE = """\
Run the pages of the guide, and after the newest stage's the README, as a reader would: every
command of the blocks that are marked `console`, drills and answers included, on the Docker engine,
and compare what they print with what the page says. A command that fails or prints something else
is a fault: exit code 1.

The pages run in order in one shell and in a separate clone, with the stages of the chain at
HEAD. With --tree, the files of the work tree are the newest stage, and its page is run."""

_MEASURE = """\
Measure the stages of the chain at HEAD from 02 on, each at its own tree: the image's size, what it
adds to its base image, how long it takes to build without a cache and again after a change of the
code, how long the stack takes from `up` to healthy with its images built, and how much memory its
containers use when nothing happens. The table goes to the terminal and, with --write, to the page
of stage 09. A stage that can't be measured is named, the others are measured: exit code 1.

Run it on a machine that does nothing else. It takes a minute or two for each stage, and leaves
none of the images, containers, volumes and caches that it makes."""


def make_parser() -> argparse.ArgumentParser:
    """Return the command-line parser; its result has the command's name in ``name``."""
    parser = argparse.ArgumentParser(
        prog="python3 -m course",
        usage="python3 -m course COMMAND ...",
        description=_DESCRIPTION,
        epilog="`python3 -m course COMMAND --help` shows more about each.",
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

    for name, text, usage, brief in (
        ("tag", _TAG, "[--main REF] [--push]", "create or move the tags of the stages"),
        ("tip", _TIP, "[--main REF]", "print the commit from which the chain goes on"),
        ("verify", _VERIFY, "[--main REF]", "check the chain and main"),
    ):
        sub = add(name, text, usage, brief)
        sub.add_argument(
            "--main",
            metavar="REF",
            help="use this as main (default: main, or origin/main if ahead)",
        )
        if name == "tag":
            sub.add_argument("--push", action="store_true", help="update origin's tags as well")

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
    each.add_argument(
        "--commits", action="store_true", help="at every commit of a stage, not only at its last"
    )
    each.add_argument("--keep-going", action="store_true", help="go on after a failure")
    each.add_argument(
        "--dir",
        type=Path,
        help="keep the worktrees, as DIR/NN; a later run resets them to their commits but leaves "
        "ignored files, as .venv, in place (choose a folder outside the clone, or an ignored one)",
    )
    each.add_argument(
        "--allow-dirty", action="store_true", help="run although uncommitted changes are left out"
    )

    diff = add(
        "diff", _DIFF, "NN [--lesson N | --product | --tests | --all]", "show what a stage teaches"
    )
    diff.add_argument("stage", type=_stage_number, metavar="NN", help="the stage's number")
    part = diff.add_mutually_exclusive_group()
    part.add_argument("--lesson", type=int, metavar="N", help="one lesson: 1 is the first")
    for option, text in (
        ("product", "how the program grows"),
        ("tests", "the tests"),
        ("all", "everything"),
    ):
        part.add_argument(f"--{option}", dest="part", action="store_const", const=option, help=text)
    diff.set_defaults(part="lesson")

    log = add("log", _LOG, "NN", "list a stage's commits with their reasons")
    log.add_argument("stage", type=_stage_number, metavar="NN", help="the stage's number")

    commits = add("commits", _COMMITS, "[--strict] [--lines N]", "list commits that are too long")
    commits.add_argument("--strict", action="store_true", help="exit with code 1 if there are any")
    commits.add_argument(
        "--lines",
        type=int,
        default=reading.LINES_PER_COMMIT,
        metavar="N",
        help="how many lines are too many (default: more than %(default)d)",
    )

    guide = add("guide", _GUIDE, "[OPTION]...", "run the guide's pages and compare")
    guide.add_argument("--from", dest="first", type=_stage_number, metavar="NN", help="first page")
    guide.add_argument("--to", dest="last", type=_stage_number, metavar="NN", help="last page")
    guide.add_argument("--tree", action="store_true", help="use the work tree as newest stage")
    guide.add_argument("--keep-going", action="store_true", help="go on after a fault")

    measure = add("measure", _MEASURE, "[OPTION]...", "measure images, builds and stacks")
    measure.add_argument(
        "--from", dest="first", type=_stage_number, metavar="NN", help="first stage (default: 02)"
    )
    measure.add_argument("--to", dest="last", type=_stage_number, metavar="NN", help="last stage")
    measure.add_argument("--write", action="store_true", help="write the table to the guide")

    edition = add("edition", _EDITION, "-m WHY", "join the chain at HEAD to main")
    edition.add_argument(
        "-m",
        "--message",
        action="append",
        default=[],
        metavar="WHY",
        help="what is new and why; several become paragraphs (needed where a merge is made)",
    )
    return parser


def _stage_number(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not a stage number such as 05")
    return text.zfill(2)
