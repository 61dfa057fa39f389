"""The commands `stagewatch export`, `diff` and `apply`."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.channels.sealing import Sealer
from app.config_file.applying import apply, difference
from app.config_file.changes import lines
from app.config_file.document import read_document
from app.config_file.export import closed, export
from app.config_file.faults import BadFileError
from app.config_file.reading import MAX_BYTES
from app.config_file.stored import load_at_once
from app.database import Database
from app.errors import ConflictError
from app.settings import load_settings

DIFFERENT = 2
"""The exit code of `diff` if there are differences; 0: there are none, 1: it failed."""

SECRETS = Path("/run/secrets")
_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)


class UnusableFile(ConflictError):
    """The file can't be read or is not valid; the message is for a terminal."""


def add_commands(subparsers: Any) -> None:
    """Add the commands to the command line."""
    command = subparsers.add_parser("export", help="print the whole configuration as YAML")
    command.add_argument(
        "--secrets",
        action="store_true",
        help="include the values of secrets; without it they are ***, which apply leaves unchanged",
    )
    command.set_defaults(func=_export)
    command = subparsers.add_parser(
        "diff", help=f"print what apply would change; exit code {DIFFERENT} if anything"
    )
    _takes_file(command)
    command.set_defaults(func=_diff)
    command = subparsers.add_parser("apply", help="change the configuration to match a file")
    _takes_file(command)
    command.set_defaults(func=_apply)


def _takes_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="the YAML file, or - for standard input")
    command.add_argument(
        "--prune",
        action="store_true",
        help="delete entries that are not in the file, with all their data",
    )


async def _export(args: argparse.Namespace, database: Database) -> int:
    sealer = _sealer()
    async with database.transaction() as session:
        stored = await load_at_once(session, sealer)
    print(export(stored, secrets=args.secrets), end="")
    missing = closed(stored) if args.secrets else []
    if missing:
        # The file is good for all else; whoever keeps it must know what it lacks.
        print(
            "stagewatch: some secrets can't be opened and are exported as ***: the key that sealed "
            f"them is not in WEBHOOK_KEY (docs/secrets.md). Channels: {', '.join(missing)}",
            file=sys.stderr,
        )
    return 1 if missing else 0


async def _diff(args: argparse.Namespace, database: Database) -> int:
    sealer = _sealer()
    with _named(args.file):
        document = read_document(_bytes(args.file), secret_value)
        async with database.transaction() as session:
            changes = await difference(session, document, sealer, prune=args.prune)
    print(*lines(changes, done=False), sep="\n")
    return DIFFERENT if changes.changes else 0


async def _apply(args: argparse.Namespace, database: Database) -> None:
    sealer = _sealer()
    with _named(args.file):
        document = read_document(_bytes(args.file), secret_value)
        async with database.transaction() as session:
            changes = await apply(session, document, sealer, prune=args.prune)
    print(*lines(changes, done=True), sep="\n")


def _sealer() -> Sealer:
    return Sealer(load_settings(seals=True).webhook_keys)


def secret_value(name: str) -> str:
    """Return what `!secret NAME` stands for: a variable of the environment, or a Docker secret.

    Raises ValueError. For the command line only: over the API, a client that may write could use it
    to read secrets that only the process may see.
    """
    if not _SECRET_NAME.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is not the name of a secret")
    if value := os.environ.get(name):
        return value
    try:
        value = (SECRETS / name).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise ValueError(f"there is neither a variable {name} nor a file {SECRETS / name}")
    return value


def _bytes(file: str) -> bytes:
    """Return a file's content, but not more than is needed to see that it is too long."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnusableFile(f"{file}: {error.strerror}") from None


@contextmanager
def _named(file: str) -> Iterator[None]:
    """Add the file's name to faults."""
    try:
        yield
    except BadFileError as error:
        raise UnusableFile(error.text("<stdin>" if file == "-" else file)) from None
