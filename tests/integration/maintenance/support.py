"""Maintenance windows at times relative to now."""

from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient

from tests.integration.checks.support import now

PATH = "/api/maintenance"


def once(database_url: str, begin: float, end: float, **config: Any) -> dict[str, Any]:
    """Return a window, its limits in minutes from now; for all monitors unless some are named."""
    moment = now(database_url)
    starts_at, ends_at = (moment + timedelta(minutes=minutes) for minutes in (begin, end))
    times = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    named = {"monitors", "groups", "tags"} & config.keys()
    return {"name": "Work"} | ({} if named else {"all": True}) | times | config


def plan(client: TestClient, config: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(PATH, json=config)
    assert answer.status_code == 201, answer.text
    window: dict[str, Any] = answer.json()
    return window
