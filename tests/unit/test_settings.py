"""Environment variables and secret files are validated when they are read."""

import errno
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from app.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", None),
        ("https://status.example.com", "https://status.example.com"),
        ("http://192.0.2.1:8080/status/", "http://192.0.2.1:8080/status"),
    ],
)
def test_a_public_address_has_no_slash_at_its_end(
    monkeypatch: pytest.MonkeyPatch, value: str, url: str | None
) -> None:
    monkeypatch.setenv("PUBLIC_URL", value)

    assert Settings().public_url == url


@pytest.mark.parametrize(
    "value",
    [
        "status.example.com",
        "ftp://status.example.com",
        "https://",
        "https://a:b@example.com",
        "https://example.com/?a=b",
        "https://[::1",
    ],
)
def test_an_invalid_public_url_stops_the_program_at_startup(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", value)

    with pytest.raises(SystemExit, match="PUBLIC_URL"):
        load_settings()


PASSWORD = "q8Zt4-Wk1+xR/7@:mB3%u"  # nobody's


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "APP_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def production(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("DATABASE_URL", "postgresql://stagewatch@db:5432/stagewatch")
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0")
    (secrets / "database_password").write_text(PASSWORD)
    (secrets / "redis_password").write_text(PASSWORD)
    return secrets


def test_any_setting_can_be_read_from_a_file(secrets: Path) -> None:
    (secrets / "retention_days").write_text("30\n")
    (secrets / "nameservers").write_text("192.0.2.1, 192.0.2.2:5353\n")

    settings = Settings()

    assert settings.retention_days == 30
    assert settings.nameservers == ("192.0.2.1", "192.0.2.2:5353")


def test_a_variable_wins_over_a_file_unless_it_is_empty(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "retention_days").write_text("30")
    (secrets / "log_level").write_text("debug")
    monkeypatch.setenv("RETENTION_DAYS", "60")
    monkeypatch.setenv("LOG_LEVEL", "")

    settings = Settings()

    assert settings.retention_days == 60
    assert settings.log_level == "debug"


def test_passwords_from_files_reach_the_addresses(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "database_password").write_text(PASSWORD + "\n")
    (secrets / "redis_password").write_text(PASSWORD + "\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone@db:5432/stagewatch")
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0")

    settings = Settings()

    database, redis = make_url(settings.database_url), make_url(str(settings.redis_url))
    assert (database.username, database.password) == ("someone", PASSWORD)
    assert (redis.username, redis.password, redis.host) == ("default", PASSWORD, "redis")


def test_a_password_in_an_address_wins(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "database_password").write_text("another")
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:this@db/stagewatch")

    assert make_url(Settings().database_url).password == "this"


def test_a_secret_that_is_empty_is_a_mistake(secrets: Path) -> None:
    (secrets / "database_password").write_text("\n")

    with pytest.raises(SystemExit, match=r"DATABASE_PASSWORD: .*empty"):
        load_settings()


def test_a_secret_that_cannot_be_read_is_named(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> str:
        # Not by the file's mode: root, as whom tests may run, reads it all the same.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    (secrets / "database_password").write_text(PASSWORD)
    monkeypatch.setattr(Path, "read_text", refuse)

    with pytest.raises(SystemExit, match=r"Permission denied.*database_password"):
        load_settings()


def test_a_missing_secrets_folder_causes_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        Settings()


def test_production_accepts_passwords_that_cannot_be_guessed(production: Path) -> None:
    assert load_settings().app_env == "production"


@pytest.mark.parametrize("name", ["database_password", "redis_password"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("stagewatch", "the example password"),
        ("hunter2", "shorter than 16"),
        ("ChangeMe-ChangeMe-1234", "a placeholder"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "a placeholder"),
    ],
)
def test_production_refuses_example_values_and_does_not_show_them(
    production: Path, name: str, value: str, said: str
) -> None:
    (production / name).write_text(value)

    with pytest.raises(SystemExit, match=said) as ended:
        load_settings()

    assert name.upper() in str(ended.value)
    assert value not in str(ended.value).replace("stagewatch: ", "")


@pytest.mark.parametrize("name", ["database_password", "redis_password"])
def test_production_refuses_to_start_without_a_password(production: Path, name: str) -> None:
    (production / name).unlink()

    with pytest.raises(SystemExit, match=f"{name.upper()}: there is no password"):
        load_settings()


def test_production_refuses_the_defaults(production: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")

    with pytest.raises(SystemExit, match="DATABASE_PASSWORD: it is the example password"):
        load_settings()


@pytest.mark.parametrize(
    ("environment", "keys", "required"),
    [
        ("development", None, False),
        ("production", None, True),
        ("production", "off", False),
        ("development", "required", True),
    ],
)
def test_keys_are_required_in_production_unless_turned_off(
    environment: Any, keys: Any, required: bool
) -> None:
    assert Settings(app_env=environment, api_keys=keys).keys_required is required


@pytest.mark.parametrize("key", ["short", "with a blank " + 32 * "x", "ü" * 40, "x" * 201])
def test_a_first_key_that_could_be_guessed_or_not_be_sent_is_refused(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("API_KEY", key)

    with pytest.raises(SystemExit, match=r"API_KEY: .* 32 characters") as refused:
        load_settings()

    assert key not in str(refused.value)


def test_a_first_key_may_be_a_file_and_is_no_placeholder_in_production(production: Path) -> None:
    (production / "api_key").write_text(2 * PASSWORD + "\n")
    assert load_settings().first_key == 2 * PASSWORD

    (production / "api_key").write_text("change-me-" + 3 * PASSWORD)
    with pytest.raises(SystemExit, match="API_KEY: it is a placeholder"):
        load_settings()


KEY, OLDER_KEY = (
    2 * "q8Zt4-Wk1xR7_mB3uYv0" + "abQ=",
    2 * "Lp5sX-Nc2eJ6_hG9oTd1" + "cdE=",
)  # nobody's


def test_several_keys_for_webhooks_are_lines_and_the_first_is_the_newest(production: Path) -> None:
    (production / "webhook_key").write_text(f"{KEY}\n{OLDER_KEY}\n")

    settings = load_settings(seals=True)

    assert settings.webhook_keys == (KEY, OLDER_KEY)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    "bad", ["q8Zt4-Wk1xR7", KEY[:-1], KEY + "=", KEY.replace("-", "+"), "ü" * 44]
)
def test_an_invalid_webhook_key_stops_the_program_without_being_shown(
    secrets: Path, bad: str
) -> None:
    (secrets / "webhook_key").write_text(f"{KEY}\n{bad}\n", "utf-8")

    with pytest.raises(SystemExit, match=r"WEBHOOK_KEY: .*32 bytes as URL-safe base64") as refused:
        load_settings()

    assert bad not in str(refused.value)


def test_an_empty_key_for_webhooks_is_a_mistake(secrets: Path) -> None:
    (secrets / "webhook_key").write_text("\n")

    with pytest.raises(SystemExit, match=r"WEBHOOK_KEY: .*empty"):
        load_settings()


def test_production_requires_a_webhook_key_to_store_secrets(production: Path) -> None:
    assert load_settings().webhook_keys == ()

    with pytest.raises(SystemExit, match="WEBHOOK_KEY: there is none; `make secrets` makes one"):
        load_settings(seals=True)


def test_production_refuses_a_placeholder_among_the_keys_for_webhooks(production: Path) -> None:
    (production / "webhook_key").write_text(f"{KEY}\n{43 * 'A'}=\n")

    with pytest.raises(SystemExit, match="WEBHOOK_KEY, key 2: it is a placeholder"):
        load_settings(seals=True)


def test_a_developer_needs_no_key_for_webhooks(secrets: Path) -> None:
    assert load_settings(seals=True).webhook_keys == ()


@pytest.mark.parametrize("value", ["Frankfurt am Main", "-fra", "x" * 64, "a/b"])
def test_a_location_is_a_word(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LOCATION", value)

    with pytest.raises(SystemExit, match="LOCATION"):
        load_settings()


def test_without_a_location_a_worker_checks_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCATION", "")

    assert load_settings().location == ""


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("HOURLY_RETENTION_DAYS", 7, "HOURLY_RETENTION_DAYS: .* greater than or equal to 8"),
        ("DAILY_RETENTION_DAYS", 90, "DAILY_RETENTION_DAYS: .* greater than or equal to 91"),
        # With all others at their defaults.
        (
            "HOURLY_RETENTION_DAYS",
            731,
            "DAILY_RETENTION_DAYS: .* less than HOURLY_RETENTION_DAYS, which is 731",
        ),
        (
            "INCIDENT_RETENTION_DAYS",
            29,
            "INCIDENT_RETENTION_DAYS: .* less than NOTIFICATION_RETENTION_DAYS, which is 30",
        ),
    ],
)
def test_retentions_that_contradict_each_other_end_the_program_at_its_start(
    monkeypatch: pytest.MonkeyPatch, name: str, days: int, words: str
) -> None:
    monkeypatch.setenv(name, str(days))

    with pytest.raises(SystemExit, match=words):
        load_settings()
