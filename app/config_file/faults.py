"""The faults in a file: all of them at once, with their lines and fields."""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import DomainError

MAX_FAULTS = 100
"""The most faults to list: a file with more of them is probably not a configuration."""


class Fault(NamedTuple):
    """One thing to be corrected. `line` counts from 1; `field` is for example "monitors.3.url"."""

    line: int
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


class BadFileError(DomainError):
    """The file can't be applied, and none of it has been."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.count = len(faults)
        self.faults = sorted(faults)[:MAX_FAULTS]
        super().__init__(self.text("the file"))

    def text(self, name: str) -> str:
        """Return the faults for a user, one per line, in the style of a compiler."""
        number = "1 fault" if self.count == 1 else f"{self.count} faults"
        lines = [f"{name}:{fault.line}: {fault}" for fault in self.faults]
        if self.count > len(lines):
            lines.append(f"and {self.count - len(lines)} more")
        return "\n".join([f"{name} has {number}, and nothing is changed:", *lines])
