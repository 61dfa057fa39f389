"""The cost of a stage's image and stack: parsed from the engine's output, shown as a table."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_FROM = re.compile(
    r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE
)
_CACHE = re.compile(r"--mount=type=cache(?=[,\s])")
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True)
class Figures:
    """The measurements of a stage: bytes and seconds, None where there is nothing to measure.

    ``fault`` is one line about what failed; values measured before that are kept.
    """

    stage: str
    size: int | None = None
    over_base: int | None = None
    layers: int | None = None
    cold: float | None = None
    rebuild: float | None = None
    healthy: float | None = None
    memory: int | None = None
    fault: str = ""


def base_of(dockerfile: str) -> str:
    """Return the base image of a Dockerfile's last stage, resolving the names of its own stages.

    Raises ValueError if the Dockerfile has no base image.
    """
    stages: dict[str, str] = {}
    name = ""
    for image, alias in _FROM.findall(dockerfile):
        name = stages.get(image.lower(), image)
        if alias:
            stages[alias.lower()] = name
    if not name:
        raise ValueError("the Dockerfile has no base image")
    return name


def with_own_caches(dockerfile: str, name: str) -> str:
    """Return the Dockerfile with new cache mounts instead of those of earlier builds.

    `--no-cache` rebuilds every layer, but does not clear those mounts.
    """
    numbers = iter(range(len(dockerfile)))
    return _CACHE.sub(lambda found: f"{found[0]},id={name}-{next(numbers)}", dockerfile)


def in_bytes(text: str) -> int:
    """Convert a size from `docker stats`, like ``12.5MiB``, to bytes. Raises ValueError."""
    found = re.fullmatch(r"([0-9.]+)\s*([kKMG]?i?B)", text.strip())
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"not a size: {text!r}")
    return round(float(found[1]) * _UNITS[found[2]])


def used_memory(stats: str) -> int:
    """Return the bytes used by all containers, from lines like ``12.5MiB / 1.9GiB``."""
    return sum(in_bytes(line.partition("/")[0]) for line in stats.splitlines() if line.strip())


def table(rows: Iterable[Figures]) -> list[str]:
    """Return the rows as lines of a Markdown table, followed by what failed."""
    rows = list(rows)
    head = ["stage", "image", "over its base", "layers added", "build, cold"]
    head += ["after a change", "up to healthy", "memory, idle"]
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    lines += [_row(_cells(row)) for row in rows]
    faults = [
        f"Stage {row.stage} was not measured to its end: {row.fault}" for row in rows if row.fault
    ]
    return [*lines, *(line for fault in faults for line in ("", fault))]


def _cells(row: Figures) -> list[str]:
    shown: list[tuple[float | None, Callable[[float], str]]] = [
        (row.size, _megabytes),
        (row.over_base, _megabytes),
        (row.layers, str),
        (row.cold, _seconds),
        (row.rebuild, _seconds),
        (row.healthy, _seconds),
        (row.memory, _mebibytes),
    ]
    return [row.stage, *("-" if value is None else show(value) for value, show in shown)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _megabytes(size: float) -> str:
    # As Docker counts them: 10**6 bytes.
    return f"{size / 1e6:.1f} MB"


def _mebibytes(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def write_between_marks(page: Path, lines: Sequence[str]) -> None:
    """Replace what is between the page's marks by ``lines``. Raises ValueError without marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for figures, between {BEGIN} and {END}")
    page.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")
