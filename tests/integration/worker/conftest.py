"""Fixtures: thousands of monitors, added over the API."""

import pytest

from app.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings with a rate limit that the setup cannot reach."""
    return settings.model_copy(update={"rate_limit_per_minute": 1_000_000})
