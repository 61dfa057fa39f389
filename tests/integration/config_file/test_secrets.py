"""!secret NAME: a value that is not in the file itself."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

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


def test_the_api_reads_no_secrets(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "a-secret-of-at-least-16")
    monkeypatch.setenv("token", "t0ken")

    answer: Any = client.put(
        "/api/config", content=FILE.encode(), headers={"content-type": "application/yaml"}
    )

    assert answer.status_code == 422
    details = {(fault["line"], fault["detail"]) for fault in answer.json()["errors"]}
    assert details >= {(line, "!secret is for the command line only") for line in (6, 16)}
    assert "t0ken" not in answer.text
