"""An exported file contains the plain secrets, however they are stored."""

import secrets

import pytest

from tests.integration.config_file.conftest import CONFIG, Run, everything
from tests.services import query

KEY, OTHER_KEY = secrets.token_urlsafe(32) + "=", secrets.token_urlsafe(32) + "="


def test_applying_a_file_again_changes_nothing_that_is_sealed(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_KEY", KEY)
    assert run("apply", file=CONFIG).code == 0
    before = everything(database_url)

    again = run("apply", file=CONFIG)

    assert again.out == "No differences.\n"
    assert everything(database_url) == before
    stored = query(database_url, "SELECT secret FROM channels WHERE kind = 'webhook'")
    assert stored[0]["secret"].startswith("sealed:")
    assert run("export", "--secrets").out == CONFIG
    # A new key comes first; the older one still opens.
    monkeypatch.setenv("WEBHOOK_KEY", f"{OTHER_KEY} {KEY}")
    assert run("diff", file=CONFIG).code == 0


def test_an_export_names_channels_whose_secrets_cannot_be_opened(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_KEY", KEY)
    assert run("apply", file=CONFIG).code == 0
    monkeypatch.setenv("WEBHOOK_KEY", OTHER_KEY)

    exported = run("export", "--secrets")

    assert exported.code == 1
    assert "Channels: On call\n" in exported.error
    assert exported.out == CONFIG.replace("a-secret-of-at-least-16", "'***'")
    assert run("export").code == 0
