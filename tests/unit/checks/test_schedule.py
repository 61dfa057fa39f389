"""Which packages write the table of the schedule."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WRITE = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM)\s+schedule\b")


def test_only_app_checks_writes_the_schedule() -> None:
    """Others call app.checks.schedule, so that claims and leases stay consistent."""
    writers = {
        path.parent.relative_to(ROOT).as_posix()
        for package in ("app", "worker")
        for path in (ROOT / package).rglob("*.py")
        if WRITE.search(path.read_text(encoding="utf-8"))
    }

    assert writers == {"app/checks"}
