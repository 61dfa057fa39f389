"""The command line: its output and exit codes."""

import argparse
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from app import __version__, cli
from app.database import Database, DatabaseUnavailable
from app.errors import ConflictError


def commands(**named: Any) -> list[ModuleType]:
    """Return a module with commands of these names."""
    module = ModuleType("commands")

    def add_commands(subparsers: Any) -> None:
        for name, command in named.items():
            subparsers.add_parser(name).set_defaults(func=command)

    module.add_commands = add_commands  # type: ignore[attr-defined]  # made here
    return [module]


def run(*arguments: str) -> Any:
    """Return the exit code of the process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code


WORDY = """
from app import cli
from tests.unit.test_cli import commands

async def talk(args, database):
    for number in range(100_000):
        print(number)

cli.COMMANDS = commands(talk=talk)
cli.main(["talk"])
"""


def test_a_reader_that_closes_the_pipe_early_sees_no_traceback() -> None:
    program = [sys.executable, "-c", WORDY]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
    assert process.returncode == cli.NOBODY_READS


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    code = run("--version")

    assert code == 0
    assert capsys.readouterr().out == f"stagewatch {__version__}\n"


def test_without_a_command_it_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    code = run()

    assert code == 2
    assert "usage: stagewatch" in capsys.readouterr().err


def test_a_command_gets_its_arguments_and_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def greet(args: argparse.Namespace, database: Database) -> None:
        given.append(database)

    monkeypatch.setattr(cli, "COMMANDS", commands(greet=greet))

    assert run("greet") == 0
    assert isinstance(given[0], Database)


def test_a_command_may_end_with_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def differ(args: argparse.Namespace, database: Database) -> int:
        return 3

    monkeypatch.setattr(cli, "COMMANDS", commands(differ=differ))

    assert run("differ") == 3


@pytest.mark.parametrize("error", [ConflictError("It is in use."), DatabaseUnavailable("gone")])
def test_a_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(args: argparse.Namespace, database: Database) -> None:
        raise error

    monkeypatch.setattr(cli, "COMMANDS", commands(fail=fail))

    # Python prints a text to stderr, and exits with 1.
    assert run("fail") == f"stagewatch: {error}"
