"""Which values of environment variables are accepted, and which are refused."""

import pytest

from app.config import Config


def test_the_default_is_production_on_localhost_only() -> None:
    assert Config.from_environment({}) == Config("production", "127.0.0.1", 5000)


def test_values_from_the_environment_are_used() -> None:
    environment = {"APP_ENV": "development", "PORT": "80", "HOST": "0.0.0.0"}  # noqa: S104

    assert Config.from_environment(environment).port == 80


@pytest.mark.parametrize(
    ("name", "value"),
    [("APP_ENV", "prod"), ("PORT", "http"), ("PORT", "0"), ("PORT", "65536"), ("PORT", "")],
)
def test_an_invalid_value_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Config.from_environment({name: value})
