"""What the environment says is checked when it is read."""

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
