"""Maintenance windows in a file."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.sealing import Sealer
from app.config_file.applying import apply
from app.config_file.changes import Changes
from app.config_file.document import read_document
from app.maintenance import service as windows
from app.settings import Settings
from tests.integration.checks.support import in_transaction
from tests.integration.config_file.conftest import CONFIG, Run, everything
from tests.integration.worker.running import wait_for
from tests.services import query

OVER = """\
version: 1
maintenance:
- name: Move
  all: true
  starts_at: 2020-12-05T22:00:00Z
  ends_at: 2020-12-06T01:00:00Z
"""


def test_windows_change_with_their_monitors_by_name(run: Run) -> None:
    run("apply", file=CONFIG)
    file = CONFIG.replace("  - DB\n  - Mail\n", "  - DB\n  - Shop\n").replace("02:30", "03:30")
    file = file.replace("- name: Move\n", "- name: Removal\n  renamed_from: Move\n")

    diff = run("diff", file=file)
    applied = run("apply", file=file)

    assert diff.out.splitlines()[:6] == [
        "~ window Updates (recurring)",
        '    recurrence.start_time: "02:30" -> "03:30"',
        '    monitors: ["DB", "Mail"] -> ["DB", "Shop"]',
        "~ window Removal (once)",
        '    name: "Move" -> "Removal"',
        "0 to add, 2 to change, 0 to delete.",
    ]
    assert applied.code == 0, applied.error
    assert run("apply", "--prune", file=file).out == "No differences.\n"


def test_a_window_may_name_a_monitor_of_the_same_file(run: Run, database_url: str) -> None:
    file = """\
version: 1
monitors:
- {name: New, kind: tcp, host: a, port: 1}
maintenance:
- name: Later
  monitors: [New]
  starts_at: 2099-12-05T22:00:00Z
  ends_at: 2099-12-06T01:00:00Z
"""
    applied = run("apply", file=file)

    assert applied.code == 0, applied.error
    assert query(database_url, "SELECT monitor_id FROM maintenance_monitors") == [{"monitor_id": 1}]


def test_prune_deletes_windows_that_the_file_lacks(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)

    kept = run("apply", file="version: 1\nmaintenance: []\n")
    pruned = run("apply", "--prune", file="version: 1\nmaintenance: []\n")

    assert "window Updates, window Move" in kept.out
    assert pruned.out == (
        "- window Updates (recurring)\n- window Move (once)\n0 added, 0 changed, 2 deleted.\n"
    )
    assert query(database_url, "SELECT FROM maintenance_windows") == []


def test_a_past_window_is_neither_exported_nor_deleted(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    query(
        database_url,
        "UPDATE maintenance_windows SET starts_at = '2020-12-05T22:00Z',"
        " ends_at = '2020-12-06T01:00Z' WHERE name = 'Move'",
    )

    assert "Move" not in run("export").out
    assert run("apply", "--prune", file=OVER.replace("Move", "Other")).out == (
        "- window Updates (recurring)\n0 added, 0 changed, 1 deleted.\n"
    )
    assert run("apply", "--prune", file=OVER).out == "No differences.\n"
    assert len(query(database_url, "SELECT FROM maintenance_windows")) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - DB\n  - Mail\n", "  - DB\n  - Post\n", "monitors.1: there is no monitor Post"),
        ("all: true", "all: false", ": name monitors, groups or tags, or set all"),
        ("2099-12-06T", "2099-12-04T", "ends_at: it must be later than starts_at"),
        ("Europe/Berlin", "Europe/Paris-sur-Mer", "recurrence.time_zone: "),
        ("weekdays:", "weekday:", "recurrence.weekday: there is no such field"),
    ],
)
def test_an_invalid_window_is_reported_with_its_line(
    run: Run, database_url: str, old: str, new: str, said: str
) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)

    applied = run("apply", file=CONFIG.replace(old, new))

    assert applied.code == 1
    assert f"{said}" in applied.error
    assert "config.yaml:" in applied.error
    assert everything(database_url) == before


def test_a_window_that_is_being_changed_is_waited_for(
    run: Run, settings: Settings, database_url: str
) -> None:
    """Otherwise apply finds it changed after the comparison, and fails."""
    run("apply", file=CONFIG)
    waiting = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND wait_event <> 'relation'"
    )
    document = read_document(CONFIG.replace("02:30", "03:30").encode())

    async def applying(session: AsyncSession) -> Changes:
        return await apply(session, document, Sealer([]), prune=False)

    async def console(session: AsyncSession) -> Future[Changes]:
        window = await windows.find(session, 1, lock=True)
        window.name, window.version = "Renamed", window.version + 1
        await session.flush()
        applied = pool.submit(in_transaction, settings, applying)
        await asyncio.to_thread(wait_for, lambda: query(database_url, waiting))
        return applied

    with ThreadPoolExecutor(1) as pool:
        changes = in_transaction(settings, console).result(10)

    # The file comes second, and knows no window that was renamed.
    assert [(one.action, one.name) for one in changes.changes] == [("add", "Updates")]
    names = query(database_url, "SELECT name FROM maintenance_windows ORDER BY id")
    assert [row["name"] for row in names] == ["Renamed", "Move", "Updates"]
