"""What the environment may say, and what is refused."""

import pytest

from app.config import Config


def test_nothing_said_is_production_on_this_machine_only() -> None:
    assert Config.from_environment({}) == Config("production", "127.0.0.1", 5000)


def test_what_is_said_is_taken() -> None:
    environment = {"APP_ENV": "development", "PORT": "80", "HOST": "0.0.0.0"}  # noqa: S104

    assert Config.from_environment(environment).port == 80


@pytest.mark.parametrize(
    ("name", "value"),
    [("APP_ENV", "prod"), ("PORT", "http"), ("PORT", "0"), ("PORT", "65536"), ("PORT", "")],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Config.from_environment({name: value})
