"""stagewatch export, diff and apply."""

from collections.abc import Callable

import pytest

from tests.integration.config_file.conftest import CONFIG, Run, everything
from tests.services import query


def edited(old: str, new: str, text: str = CONFIG) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_what_is_applied_is_exported(run: Run) -> None:
    applied = run("apply", file=CONFIG)
    exported = run("export", "--secrets")

    assert applied == (
        0,
        (
            "+ channel On call (webhook)\n+ channel Chat (apprise)\n+ monitor Shop (http)\n"
            "+ monitor DB (tcp)\n+ monitor Mail (dns)\n+ monitor Backup (heartbeat)\n"
            "+ window Updates (recurring)\n+ window Move (once)\n"
            "8 added, 0 changed, 0 deleted.\n"
        ),
        "",
    )
    assert exported == (0, CONFIG, "")


def test_an_export_of_an_empty_database_has_empty_sections(run: Run) -> None:
    assert run("export").out == "version: 1\nchannels: []\nmonitors: []\nmaintenance: []\n"


def test_an_export_shows_no_secret_unless_asked(run: Run) -> None:
    run("apply", file=CONFIG)

    shown = run("export").out

    assert "a-secret" not in shown and "Token" not in shown.replace("X-Token", "")
    assert "t0ken" not in shown
    assert "  secret: '***'\n" in shown
    assert "  url: slack://***\n" in shown
    assert "    Accept: text/plain\n    X-Token: '***'\n" in shown


@pytest.mark.parametrize("options", [(), ("--secrets",)])
def test_applying_an_export_changes_nothing(
    run: Run, database_url: str, options: tuple[str, ...]
) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)
    exported = run("export", *options).out

    again = run("apply", "--prune", file=exported)
    diff = run("diff", "--prune", file=exported)

    assert again == diff == (0, "No differences.\n", "")
    assert everything(database_url) == before


def test_diff_shows_what_apply_will_do(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)
    file = edited("interval_seconds: 30", "interval_seconds: 15")
    file = edited("t0ken", "other", file)
    file = edited("- On call\n- name: DB", "- Chat\n  - On call\n- name: DB", file)
    file = edited("paused: true", "paused: false", file)
    file = edited("TokenA", "TokenX", file)
    lines = [
        "~ channel Chat (apprise)",
        '    url: "slack://***" -> "slack://***"',
        "~ monitor Shop (http)",
        '    headers.X-Token: "***" -> "***"',
        "    interval_seconds: 30 -> 15",
        '    channels: ["On call"] -> ["Chat", "On call"]',
        "~ monitor Backup (heartbeat)",
        "    paused: true -> false",
    ]

    diff = run("diff", file=file)
    untouched = everything(database_url)
    applied = run("apply", file=file)

    assert diff == (2, "\n".join([*lines, "0 to add, 3 to change, 0 to delete.", ""]), "")
    assert untouched == before
    assert applied.out.splitlines() == [*lines, "0 added, 3 changed, 0 deleted."]
    assert run("diff", file=file).code == 0
    assert run("export", "--secrets").out == edited("  paused: false\n", "", file)


def test_only_differences_are_applied(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    monitors, states, schedule, channels, *_ = everything(database_url)

    run("apply", file=edited("port: 5432", "port: 5433"))

    after = everything(database_url)
    assert after[0][0] == monitors[0] and after[0][2:] == monitors[2:]
    assert after[0][1]["version"] == monitors[1]["version"] + 1
    assert after[1] == states
    assert after[2][0] == schedule[0] and after[2][2:] == schedule[2:]
    assert after[3] == channels


def test_objects_missing_from_the_file_are_kept_and_listed(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)

    applied = run("apply", file="version: 1\nchannels: []\nmonitors: []\n")

    assert applied.code == 0
    assert "Kept although they are not in the file: channel On call, channel Chat," in applied.out
    assert "No differences." in applied.out
    assert everything(database_url) == before


def test_prune_deletes_what_the_file_lacks(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    file = """\
version: 1
channels:
- name: Chat
  kind: apprise
  url: slack://***
monitors:
- name: DB
  kind: tcp
  host: db.example.com
  port: 5432
"""
    diff = run("diff", "--prune", file=file)
    applied = run("apply", "--prune", file=file)

    assert diff.code == 2
    assert applied.out == (
        "- monitor Shop (http)\n- monitor Mail (dns)\n- monitor Backup (heartbeat)\n"
        "- channel On call (webhook)\n0 added, 0 changed, 4 deleted.\n"
    )
    assert run("export").out.startswith(file)


def test_prune_ignores_sections_that_the_file_does_not_have(run: Run) -> None:
    run("apply", file=CONFIG)

    applied = run("apply", "--prune", file="version: 1\n")

    assert applied.out == "No differences.\n"
    assert run("export", "--secrets").out == CONFIG


def test_prune_does_not_take_a_channel_from_monitors_that_the_file_is_silent_about(
    run: Run,
) -> None:
    run("apply", file=CONFIG)

    applied = run("apply", "--prune", file="version: 1\nchannels: []\n")

    assert applied.code == 1
    assert "Monitors use this channel: Shop" in applied.error
    assert run("export", "--secrets").out == CONFIG


def test_a_renamed_monitor_keeps_its_number_and_with_it_its_history(
    run: Run, database_url: str
) -> None:
    run("apply", file=CONFIG)
    file = edited("- name: Shop\n", "- name: Webshop\n  renamed_from: Shop\n")
    file = edited("- name: Chat\n", "- name: Talk\n  renamed_from: Chat\n", file)

    applied = run("apply", "--prune", file=file)

    assert '    name: "Shop" -> "Webshop"' in applied.out
    assert applied.out.endswith("0 added, 2 changed, 0 deleted.\n")
    rows = query(database_url, "SELECT id FROM monitors WHERE name = 'Webshop'")
    assert rows == [{"id": 1}]
    # The line has no further effect while it stays in the file.
    assert run("apply", "--prune", file=file).out == "No differences.\n"


def test_a_file_may_come_from_standard_input(run: Run, stdin: Callable[[str], None]) -> None:
    stdin(CONFIG)
    applied = run("apply", "-")
    stdin("version: 2")
    refused = run("diff", "-")

    assert applied.code == 0
    assert refused.code == 1
    assert "<stdin>:1: version:" in refused.error


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_an_unreadable_file_is_named_in_the_error(run: Run, name: str) -> None:
    ended = run("apply", name)

    assert ended.code == 1
    assert ended.error.startswith(f"stagewatch: {name}: ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("port: 5432", "port: 70000", ["26: monitors.1.port: Input should be less"]),
        ("- On call\n", "- On cal\n", ["22: monitors.0.channels.0: there is no channel On cal"]),
        (
            "kind: tcp\n  host: db.example.com\n  port: 5432",
            "kind: dns\n  hostname: db.example.com",
            ["24: monitors.1.kind: the kind, tcp, can't be changed"],
        ),
        ("com/hook", "com/other", ["6: channels.0.secret: a new URL needs the secret too"]),
        ("shop.example.com", "evil.example.com", ["14: monitors.0.headers: for another origin"]),
        ("slack://***", "discord://***", ["9: channels.1.url: to change the service"]),
        ("slack://***", "exec://x", ["9: channels.1.url: exec:// is not allowed"]),
        ("- name: DB", "- name: New", []),
        (
            "- name: Chat\n",
            "- name: New\n",
            ["9: channels.1.url: *** stands for a stored value, and there is none"],
        ),
        (
            "- name: On call\n",
            "- name: New\n",
            ["6: channels.0.secret: *** stands for a stored value, and there is none"],
        ),
        (
            "- name: Shop\n",
            "- name: New\n",
            ["14: monitors.0.headers: no value is stored for X-Token; send one"],
        ),
    ],
)
def test_a_file_that_conflicts_with_stored_data_changes_nothing(
    run: Run, database_url: str, old: str, new: str, said: list[str]
) -> None:
    run("apply", file=CONFIG)
    before = everything(database_url)
    file = edited(old, new, run("export").out)
    # This would be changed if the rest were valid.
    file = edited("period_seconds: 3600", "period_seconds: 60", file)

    diff, applied = run("diff", file=file), run("apply", file=file)

    if not said:
        assert (diff.code, applied.code) == (2, 0)
        return
    assert applied.code == 1
    assert everything(database_url) == before
    for line in said:
        assert f"config.yaml:{line}" in applied.error
    if "not allowed" not in said[0]:
        assert diff == applied


def test_duplicate_names_are_refused_by_export_and_apply(run: Run, database_url: str) -> None:
    run("apply", file=CONFIG)
    query(database_url, "UPDATE monitors SET name = 'Shop' WHERE name = 'DB'")

    exported = run("export")
    applied = run("apply", file=CONFIG)

    assert exported.code == applied.code == 1
    assert "Names of monitors must be distinct" in exported.error
    assert "Shop (1, 2)" in exported.error
    assert "11: monitors.0.name: several have the name Shop: 1, 2" in applied.error


def test_a_monitor_of_another_version_is_not_exported_as_something_else(
    run: Run, database_url: str
) -> None:
    run("apply", file=CONFIG)
    query(database_url, "UPDATE monitors SET kind = 'pigeon' WHERE name = 'DB'")

    exported = run("export")

    assert exported.code == 1
    assert "Monitor 2 (DB)" in exported.error
