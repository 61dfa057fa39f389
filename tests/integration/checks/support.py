"""Claims and results without a worker, as the database stores them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.claiming import Claim, Floor, claim
from app.checks.recording import CompletedCheck, Recorded, record
from app.database import Database
from app.probing.result import Result, Timings
from app.settings import Settings
from tests.services import query

T = TypeVar("T")

OK = Result(True, 12.5, Timings(total_ms=12.5), 200)
FAILED = Result(False, 3.0, Timings(total_ms=3.0), 503, "status 503")


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Return what `work` returns."""

    async def run() -> T:
        database = Database(settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def in_transaction(settings: Settings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Return what `work` returns, committed."""

    async def run(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    return with_database(settings, run)


def claimed(
    settings: Settings, *, limit: int = 250, floor: Floor | None = None, location: str = ""
) -> list[Claim]:
    return in_transaction(settings, lambda session: claim(session, limit, floor, location))


def recorded(settings: Settings, *completed: CompletedCheck) -> Recorded:
    return in_transaction(settings, lambda session: record(session, completed))


def completed(claim: Claim, result: Result = OK, *, after: float = 0.01) -> CompletedCheck:
    """Return a worker's result for a claim, `after` seconds after the check was due."""
    return CompletedCheck.of(claim, claim.due_at + timedelta(seconds=after), result)


def add(client: TestClient, **config: Any) -> int:
    """Add a monitor, which nothing checks because there is no worker; return its number."""
    body = {"name": "Site", "kind": "http", "url": "http://127.0.0.1/"} | config
    answer = client.post("/api/monitors", json=body)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


def row(database_url: str, statement: str) -> dict[str, Any]:
    [found] = query(database_url, statement)
    return found


def execute(database_url: str, statement: str) -> None:
    query(database_url, statement)


def now(database_url: str) -> datetime:
    moment: datetime = row(database_url, "SELECT now()")["now"]
    return moment
