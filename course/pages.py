"""Reads the guide's pages: the commands in them, and the output that they show.

A block marked ``console`` contains commands and their output::

    ```console
    $ docker run hello-world
    …
    Hello from Docker!
    …
    ```

"…" stands for varying output: within a line for any text, on a separate line for any number of
lines. A command continues on the next line after a backslash, within quotes and in a here document.
A command that fails must be followed by ``$ echo $?``. ``^C`` as the last line of the output means
that the reader stops the command once it has printed the lines above. A block marked
``console internet`` is skipped if there is no Internet access.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"( *)```(\w*)(.*)")
_HERE_DOCUMENT = re.compile(r"<<-?\s*['\"]?(\w+)")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Step:
    """A command of a page, its line number, and the output shown below it."""

    page: Path
    line: int
    command: str
    expected: tuple[str, ...]
    needs_internet: bool = False
    interrupted: bool = False
    may_fail: bool = False

    @property
    def place(self) -> str:
        """The location of the command, as FILE:LINE."""
        return f"{self.page.name}:{self.line}"


def read_page(page: Path) -> list[Step]:
    """Return the steps of a page in order. Raises ValueError for an invalid block."""
    steps: list[Step] = []
    for begin, flags, lines in _blocks(page):
        block = list(_steps(page, begin, flags, lines))
        for step, following in zip(block, [*block[1:], None], strict=True):
            checked = following is not None and following.command == "echo $?"
            steps.append(Step(**{**vars(step), "may_fail": checked}))
    return steps


def _blocks(page: Path) -> Iterator[tuple[int, set[str], list[str]]]:
    """Yield the number of the first line, the flags and the lines of each console block."""
    block: list[str] | None = None
    begin, indent, kind, flags = 0, 0, "", set[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if block is None and fence is not None:
            indent, kind, flags = len(fence[1]), fence[2], set(fence[3].split())
            block, begin = [], number + 1
        elif block is not None and line.strip() == "```":
            if kind == "console":
                yield begin, flags, block
            block = None
        elif block is not None:
            block.append(line[indent:] if line[:indent].isspace() or not indent else line.lstrip())
    if block is not None:
        raise ValueError(f"{page.name}:{begin}: the block does not end")


def _steps(page: Path, begin: int, flags: set[str], lines: list[str]) -> Iterator[Step]:
    position = 0
    while position < len(lines):
        if not lines[position].startswith("$ "):
            raise ValueError(f"{page.name}:{begin + position}: a command must begin with '$ '")
        line = begin + position
        command = lines[position][2:]
        position += 1
        while _goes_on(command):
            if position == len(lines):
                raise ValueError(f"{page.name}:{line}: the command does not end")
            command += "\n" + lines[position]
            position += 1
        expected: list[str] = []
        while position < len(lines) and not lines[position].startswith("$ "):
            expected.append(lines[position])
            position += 1
        interrupted = bool(expected) and expected[-1] == "^C"
        yield Step(
            page=page,
            line=line,
            command=command,
            expected=tuple(expected[:-1] if interrupted else expected),
            needs_internet="internet" in flags,
            interrupted=interrupted,
        )


def _goes_on(command: str) -> bool:
    """Return whether a shell would wait for another line of the command."""
    if document := _HERE_DOCUMENT.search(command.split("\n", 1)[0]):
        return document[1] not in command.split("\n")[1:]
    if command.endswith("\\"):
        return True
    try:
        shlex.split(command)
    except ValueError:
        # An unterminated quotation.
        return True
    return False


def matches(expected: tuple[str, ...], output: str, *, beginning: bool = False) -> bool:
    """Return whether ``output`` is as expected; with ``beginning``, whether it begins so."""
    pattern = "".join(
        r"(?:[^\n]*\n)*" if line.strip() == "…" else _line(line) for line in _tidy(list(expected))
    )
    text = "".join(line + "\n" for line in _tidy(plain(output).split("\n")))
    return bool(re.match(pattern, text) if beginning else re.fullmatch(pattern, text))


def _line(line: str) -> str:
    return "[^\n]*".join(map(re.escape, line.split("…"))) + "\n"


def _tidy(lines: list[str]) -> list[str]:
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def plain(output: str) -> str:
    """Return ``output`` without colours and carriage returns."""
    return _ESCAPES.sub("", output).replace("\r", "")
