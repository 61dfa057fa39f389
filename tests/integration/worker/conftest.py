"""Monitors by the thousand are added here, through the API."""

import pytest

from app.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As elsewhere, without a limit that the adding could reach."""
    return settings.model_copy(update={"rate_limit_per_minute": 1_000_000})
