"""What the environment says is checked when it is read."""

from typing import Any

import pytest

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
