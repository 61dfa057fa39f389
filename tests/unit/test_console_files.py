"""Which files a browser fetches for a page."""

import gzip
import re
from pathlib import Path

import pytest

from tests.services import ROOT

HTML = ROOT / "nginx/html"
PAGE = HTML / "console/index.html"
_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)"|^import "([^"]+)"', re.MULTILINE)


def reached(module: Path, seen: set[Path] | None = None) -> set[Path]:
    """Return a module and all that it imports, and so on."""
    seen = set() if seen is None else seen
    if module not in seen:
        seen.add(module)
        for one, other in _IMPORT.findall(module.read_text()):
            reached((module.parent / (one or other)).resolve(), seen)
    return seen


def fetched() -> set[Path]:
    """Return every file that the page names or a module imports."""
    named = re.findall(r'(?:href|src)="/(assets/[^"]+)"', PAGE.read_text())
    return reached(HTML / "assets/console/main.js") | {HTML / name for name in named}


def test_modules_are_fetched_at_once_and_not_one_after_the_other() -> None:
    named = re.findall(r'rel="modulepreload" href="/(assets/[^"]+)"', PAGE.read_text())

    assert {HTML / name for name in named} == reached(HTML / "assets/console/main.js") - {
        HTML / "assets/console/main.js"
    }


def test_no_module_is_left_behind() -> None:
    assert {*(HTML / "assets/console").glob("*.js")} <= fetched()


def test_the_console_is_under_100_kb_compressed() -> None:
    compressed = {path: len(gzip.compress(path.read_bytes(), 6)) for path in {*fetched(), PAGE}}

    assert sum(compressed.values()) < 100_000, compressed


@pytest.mark.parametrize(
    ("page", "module"),
    [("index.html", "status/main.js"), ("subscription/index.html", "subscription.js")],
)
def test_every_other_page_is_under_100_kb_compressed(page: str, module: str) -> None:
    named = re.findall(r'(?:href|src)="/(assets/[^"]+)"', (HTML / page).read_text())
    files = {HTML / page, *(HTML / name for name in named), *reached(HTML / "assets" / module)}

    assert sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) < 100_000
