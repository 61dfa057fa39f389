"""Maintenance windows in a file."""

import pytest

from tests.integration.config_file.conftest import CONFIG, Run, everything
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


def test_a_window_that_is_over_is_history(run: Run, database_url: str) -> None:
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
def test_what_is_wrong_is_said_with_its_line(
    run: Run, database_url: str, old: str, new: str, said: str
) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)

    applied = run("apply", file=CONFIG.replace(old, new))

    assert applied.code == 1
    assert f"{said}" in applied.error
    assert "config.yaml:" in applied.error
    assert everything(database_url) == before
