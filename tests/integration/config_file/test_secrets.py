"""!secret NAME: a value that is not in the file itself."""

from pathlib import Path

import pytest

from app.config_file import commands
from tests.integration.config_file.conftest import CONFIG, Run

FILE = CONFIG.replace("a-secret-of-at-least-16", "!secret HOOK").replace("t0ken", "!secret token")


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(commands, "SECRETS", tmp_path)
    return tmp_path


def test_a_secret_is_read_from_a_variable_or_a_file(
    run: Run, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "a-secret-of-at-least-16")
    (secrets / "token").write_text("t0ken\n", "utf-8")

    applied = run("apply", file=FILE)

    assert applied.code == 0, applied.error
    assert run("export", "--secrets").out == CONFIG
    assert run("diff", "--prune", file=FILE).out == "No differences.\n"


@pytest.mark.parametrize("name", ["MISSING", "../etc/passwd", "empty", "a b", '""'])
def test_a_missing_secret_is_reported_with_its_line(run: Run, secrets: Path, name: str) -> None:
    (secrets / "empty").write_text("\n", "utf-8")

    ended = run("apply", file=CONFIG.replace("t0ken", f"!secret {name}"))

    assert ended.code == 1
    assert "config.yaml:16: monitors.0.headers.X-Token: " in ended.error
