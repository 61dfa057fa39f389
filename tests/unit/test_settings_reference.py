"""docs/configuration.md lists all settings, and no others."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from app.settings_reference import EXAMPLE, PAGE, docstrings, main, page

COMPOSE = EXAMPLE.parent
NEWEST = max(COMPOSE.glob("[0-9][0-9].yml"))
# Compose's own, the numbers that a developer's image is built with, and Docker's name server, which
# is another one in tests alone.
NOT_EXPLAINED = {"COMPOSE_PROJECT_NAME", "GID", "UID", "RESOLVER"}
# Of the stages before, which this one puts files in the place of, and what only a developer builds.
NOT_EXPLAINED |= {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "ALERT_WEBHOOK_URL", "BUILD_TARGET"}
# What tells an operator to change a setting, and what of that is not a variable of Compose: the
# advice is to leave it unset, it has its own file, or it is made of other variables or a secret.
ADVICE = [COMPOSE.parent / "docs" / "runbooks.md", COMPOSE.parent / "docs" / "recovery.md"]
BACKUP = COMPOSE.parent / "backup" / "backup.sh"
SET_OTHERWISE = {"CHECK_CONCURRENCY", "LOCATION", "DATABASE_URL"}
# Services that run our program, and what they get that is not ours: a client library's.
OURS = {"api", "worker", "beat", "migrate"}
NOT_OURS = {"PROMETHEUS_MULTIPROC_DIR", "PYTHONDONTWRITEBYTECODE"}


def service(file: Path, name: str) -> list[Any]:
    """Return what defines a service: its part of a file, and of those that it extends."""
    defined = yaml.safe_load(re.sub(r"!(override|reset)", "", file.read_text("utf-8")))["services"]
    layer = defined[name]
    below = layer.get("extends")
    return [layer, *(service(file.parent / below["file"], below["service"]) if below else [])]


def services() -> dict[str, list[Any]]:
    """Return the services of the newest stage, layer by layer."""
    text = re.sub(r"!(override|reset)", "", NEWEST.read_text("utf-8"))
    return {name: service(NEWEST, name) for name in yaml.safe_load(text)["services"]}


def example_variables() -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE))


def test_the_page_matches_the_settings() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


def test_the_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "docs" / "configuration.md"
    monkeypatch.setattr("app.settings_reference.PAGE", written)

    main()

    assert written.read_text("utf-8") == page()


def test_every_setting_has_its_docstring() -> None:
    assert set(docstrings(Settings)) == set(Settings.model_fields)


def test_every_variable_is_listed_once_with_its_meaning() -> None:
    rows = re.findall(r"^\| (`[A-Z_]+`.*?) \|.* \| (.+) \|$", page(), re.MULTILINE)
    settings = [name.upper() for name in Settings.model_fields]

    named = [name for names, _ in rows for name in re.findall(r"`([A-Z_]+)`", names)]
    assert sorted(named) == sorted([*settings, *example_variables()])
    assert len(rows) == page().count("\n| `")


def test_limits_values_and_defaults_are_those_of_the_settings() -> None:
    text = page()

    assert "| `RETENTION_DAYS` | whole number from 1 to 3650 | `14` |" in text
    assert "| `LOG_FORMAT` | `json` or `console` | `json` |" in text
    assert "| `ACCESS_LOG` | `true` or `false` | `true` |" in text
    assert "| `ALLOWED_NETWORKS` | list of networks |  |" in text
    assert "| `MAX_STREAMS` | whole number from 1 on | `500` |" in text


def test_compose_names_no_variable_that_the_example_does_not_explain() -> None:
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", str(services())))
    used |= set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", NEWEST.read_text("utf-8")))

    settings = {name.upper() for name in Settings.model_fields}
    assert used - NOT_EXPLAINED - settings <= set(example_variables())


def test_the_example_explains_no_variable_that_nothing_reads() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", str(services()) + NEWEST.read_text("utf-8")))

    assert set(example_variables()) - used == set()


def test_compose_passes_on_the_settings_that_operators_are_advised_to_change() -> None:
    known = {name.upper() for name in Settings.model_fields} | set(example_variables())
    known |= set(re.findall(r"\$\{(BACKUP_[A-Z_]+)", BACKUP.read_text("utf-8")))
    advised: set[str] = set()
    for document in ADVICE:
        advised |= known & set(re.findall(r"`([A-Z_]{4,})[`=]", document.read_text("utf-8")))

    passed_on = set(re.findall(r"\$\{([A-Z_]+)", str(services()) + NEWEST.read_text("utf-8")))
    assert {"BACKUP_MAX_SECONDS", "DATABASE_POOL_SIZE", "NAMESERVERS"} <= advised
    assert advised - passed_on - SET_OTHERWISE == set()


def test_our_services_get_only_variables_that_are_settings() -> None:
    given: set[str] = set()
    for name, layers in services().items():
        if name in OURS:
            for layer in layers:
                given |= set(layer.get("environment") or {})

    assert {"DATABASE_URL", "REDIS_URL"} <= given
    assert given - NOT_OURS <= {name.upper() for name in Settings.model_fields}
