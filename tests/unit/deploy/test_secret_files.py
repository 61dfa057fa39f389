"""Secret files are created once, completely, and with restricted permissions."""

import json
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.channels.sealing import Sealer
from app.production import weakness
from app.settings import Settings
from deploy import secret_files


def test_generated_secrets_are_accepted_in_production(tmp_path: Path) -> None:
    secret_files.make(tmp_path)

    values = {(tmp_path / name).read_text().strip() for name in secret_files.RANDOM}
    assert len(values) == len(secret_files.RANDOM)
    assert [weakness(value) for value in values] == [None] * len(values)


def test_the_key_for_webhooks_is_one_that_the_program_takes(tmp_path: Path) -> None:
    secret_files.make(tmp_path)
    key = (tmp_path / "webhook_key").read_text()

    settings = Settings(webhook_key=SecretStr(key))

    sealer = Sealer(settings.webhook_keys)
    assert sealer.open(sealer.seal("a secret")) == "a secret"


def test_other_users_of_the_machine_get_no_further_than_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    secret_files.make(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # The users in containers are not the owner.
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    secret_files.make(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    (tmp_path / "api_key").unlink()

    assert secret_files.make(tmp_path) == ["api_key"]
    assert secret_files.make(tmp_path) == []

    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert after.pop("api_key") != before.pop("api_key")
    assert after == before


def test_an_empty_secret_file_is_generated_again(tmp_path: Path) -> None:
    (tmp_path / "database_password").touch()

    secret_files.make(tmp_path)

    assert (tmp_path / "database_password").read_text().strip()


def test_the_exporters_copy_follows_another_password_of_redis(tmp_path: Path) -> None:
    (tmp_path / "redis_password").write_text("one\n")
    secret_files.make(tmp_path)
    (tmp_path / "redis_password").write_text("two\n")

    assert secret_files.make(tmp_path) == ["redis_exporter_passwords"]

    copy = json.loads((tmp_path / "redis_exporter_passwords").read_text())
    assert copy == {"redis://redis:6379": "two"}


def test_a_folder_that_others_can_read_causes_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o755)

    secret_files.main([str(tmp_path)])

    said = capsys.readouterr().out
    assert "chmod 700" in said
    assert (tmp_path / "api_key").read_text().strip() not in said
