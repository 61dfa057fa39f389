"""Maintenance windows without waiting: generated periods are moved in time."""

from datetime import datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from app.checks.recording import CompletedCheck, Recorded
from app.settings import Settings
from tests.integration.checks.support import FAILED, OK, execute, now, recorded
from tests.services import query

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


def period(database_url: str, begin: datetime, end: datetime, *, tags: str = "") -> None:
    """Plan maintenance for all monitors, or those with a tag, without switching them."""
    execute(
        database_url,
        f"""
        WITH w AS (
            INSERT INTO maintenance_windows (name, all_monitors, tags)
            VALUES ('Work', '{tags}' = '', array_remove(ARRAY['{tags}'], '')) RETURNING id
        )
        INSERT INTO maintenance_periods SELECT id, '{begin}', '{end}' FROM w
        """,
    )


def result(settings: Settings, number: int, at: datetime, *, ok: bool) -> Recorded:
    """Record the result of a monitor's check at a time."""
    return recorded(settings, CompletedCheck(number, at, at, OK if ok else FAILED))


def state_of(client: TestClient, number: int) -> str:
    state: str = client.get(f"/api/monitors/{number}").json()["state"]
    return state


def events(database_url: str) -> list[str]:
    """Return the notified events, in order."""
    rows = query(database_url, "SELECT event FROM notifications ORDER BY id")
    return [row["event"] for row in rows]
