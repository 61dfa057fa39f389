"""What is wrong with a file: every fault at once, with its line and field."""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import DomainError

MAX_FAULTS = 100
"""Faults that are told: a file with more of them is probably not meant for us."""


class Fault(NamedTuple):
    """One thing that must be corrected. `line` counts from 1; `field` is "monitors.3.url"."""

    line: int
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


class BadFileError(DomainError):
    """The file can't be applied. Nothing of it has been."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.count = len(faults)
        self.faults = sorted(faults)[:MAX_FAULTS]
        super().__init__(self.text("the file"))

    def text(self, name: str) -> str:
        """Return the faults for a person, a line each, as compilers write them."""
        number = "1 fault" if self.count == 1 else f"{self.count} faults"
        lines = [f"{name}:{fault.line}: {fault}" for fault in self.faults]
        if self.count > len(lines):
            lines.append(f"and {self.count - len(lines)} more")
        return "\n".join([f"{name} has {number}, and nothing is changed:", *lines])
