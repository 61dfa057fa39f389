"""The operator's commands, in the image `stagewatch`: `stagewatch --help` lists them.

They need no running API and no key: anyone who can read the settings can use the database.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import ModuleType

from app import __version__
from app.config_file import commands as config_file
from app.database import Database, DatabaseUnavailable
from app.errors import DomainError
from app.keys import commands as keys
from app.settings import load_settings

COMMANDS: Sequence[ModuleType] = (keys, config_file)
"""Modules with an `add_commands(subparsers)`, in the order in which the help lists them.

It sets `func` for each of its commands: `async def func(args, database) -> int | None`, which
prints the command's output and returns the exit code, None for 0. If it raises a DomainError, the
command prints that as one line to stderr and exits with code 1.
"""

NOBODY_READS = 141
"""The exit code of a command that could not print everything, as shells report SIGPIPE."""

Command = Callable[[argparse.Namespace, Database], Awaitable[int | None]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in `arguments`, by default those of the process, and exit."""
    args = _parser().parse_args(arguments)
    try:
        code = asyncio.run(_run(args.func, args))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has stopped, as `head` does. Python would write the rest when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(NOBODY_READS) from None
    except (DomainError, DatabaseUnavailable) as error:
        raise SystemExit(f"stagewatch: {error}") from None
    raise SystemExit(code or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stagewatch", description="Stagewatch, an uptime monitor")
    parser.add_argument("--version", action="version", version=f"stagewatch {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_commands(subparsers)
    return parser


async def _run(command: Command, args: argparse.Namespace) -> int | None:
    settings = load_settings()
    # One command does one thing at a time.
    database = Database(settings.database_url, pool_size=1)
    try:
        return await command(args, database)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
