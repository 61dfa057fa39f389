"""Applying a file is one atomic change, while checks continue."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.sealing import Sealer
from app.config_file.applying import apply
from app.config_file.changes import Changes
from app.config_file.document import read_document
from app.config_file.faults import BadFileError
from app.settings import Settings
from tests.integration.checks.support import (
    FAILED,
    add,
    claimed,
    completed,
    in_transaction,
    recorded,
)
from tests.integration.config_file.conftest import CONFIG, everything
from tests.integration.worker.running import wait_for
from tests.services import query

SHOP = """\
version: 1
monitors:
- name: Shop
  kind: http
  url: https://example.com/
  confirmations: 1
"""


def applied(settings: Settings, text: str, *, prune: bool = False) -> Changes:
    document = read_document(text.encode())
    return in_transaction(
        settings, lambda session: apply(session, document, Sealer([]), prune=prune)
    )


def count(changes: Changes) -> dict[str, int]:
    return {action: changes.count(action) for action in ("add", "change", "delete")}


def test_a_thousand_monitors_are_added_changed_and_deleted_together(
    settings: Settings, database_url: str
) -> None:
    def file(interval: int, count: int) -> str:
        entries = "".join(
            f"- {{name: Shop {n}, kind: http, url: 'https://example.com/{n}',"
            f" interval_seconds: {interval}}}\n"
            for n in range(count)
        )
        return f"version: 1\nmonitors:\n{entries}"

    made = applied(settings, file(60, 1500))
    changed = applied(settings, file(30, 1500))
    again = applied(settings, file(30, 1500))
    pruned = applied(settings, file(30, 400), prune=True)

    assert count(made)["add"] == count(changed)["change"] == 1500
    assert again.changes == []
    assert count(pruned) == {"add": 0, "change": 0, "delete": 1100}
    [row] = query(
        database_url,
        "SELECT count(*), min(interval_seconds), max(version) FROM monitors",
    )
    assert tuple(row.values()) == (400, 30, 2)


def test_concurrent_applies_run_one_after_another(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: applied(settings, CONFIG), range(4)))

    assert sorted(len(changes.changes) for changes in done) == [0, 0, 0, 8]


def test_additions_from_the_console_wait_for_a_running_apply(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    waiting = (
        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'monitors'::regclass "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    added: list[int] = []

    async def slowly(session: AsyncSession) -> threading.Thread:
        await apply(session, read_document(SHOP.encode()), Sealer([]), prune=False)
        console = threading.Thread(target=lambda: added.append(add(client, name="Till")))
        console.start()
        await asyncio.to_thread(wait_for, lambda: query(database_url, waiting))
        return console

    in_transaction(settings, slowly).join()

    rows = query(database_url, "SELECT id, name FROM monitors ORDER BY id")
    assert rows == [{"id": 1, "name": "Shop"}, {"id": added[0], "name": "Till"}]


def test_checks_go_on_while_a_file_is_applied(settings: Settings, database_url: str) -> None:
    applied(settings, SHOP)
    [claim] = claimed(settings)

    async def slowly(session: AsyncSession) -> None:
        document = read_document((SHOP + "- {name: DB, kind: tcp, host: a, port: 1}\n").encode())
        await apply(session, document, Sealer([]), prune=False)
        # Over other connections: it finds the monitor down, and opens an incident.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(recorded, settings, completed(claim, FAILED)).result(10)

    in_transaction(settings, slowly)

    assert query(database_url, "SELECT state FROM states ORDER BY monitor_id")[0]["state"] == "down"
    assert len(query(database_url, "SELECT FROM incidents")) == 1


def test_unchanged_monitors_keep_state_and_history(settings: Settings, database_url: str) -> None:
    applied(settings, SHOP)
    recorded(settings, completed(claimed(settings)[0], FAILED))
    before = everything(database_url)

    applied(settings, SHOP, prune=True)

    assert everything(database_url) == before
    assert len(query(database_url, "SELECT FROM incidents WHERE closed_at IS NULL")) == 1


def test_nothing_is_published_when_nothing_changes(settings: Settings) -> None:
    applied(settings, SHOP)

    async def published(session: AsyncSession) -> list[Any]:
        sent: list[Any] = []
        original = session.execute

        async def execute(statement: Any, *arguments: Any, **options: Any) -> Any:
            sent.append(str(statement))
            return await original(statement, *arguments, **options)

        session.execute = execute  # type: ignore[method-assign]  # to look on
        await apply(session, read_document(SHOP.encode()), Sealer([]), prune=True)
        return sent

    sent = in_transaction(settings, published)

    assert sent
    assert not [
        statement
        for statement in sent
        if "pg_notify" in statement or "UPDATE" in statement.removesuffix("FOR UPDATE")
    ]


def test_an_error_found_by_a_service_rolls_back_everything(
    settings: Settings, database_url: str
) -> None:
    before = everything(database_url)
    file = CONFIG.replace("slack://TokenA/TokenB/TokenC/Channel", "syslog://")

    with pytest.raises(BadFileError, match=r":9: channels\.1\.url"):
        applied(settings, file)

    assert everything(database_url) == before


def test_a_paused_monitor_that_is_changed_stays_out_of_the_schedule(
    settings: Settings, database_url: str
) -> None:
    applied(settings, SHOP)
    applied(settings, SHOP + "  interval_seconds: 30\n  paused: true\n")
    applied(settings, SHOP + "  interval_seconds: 15\n")

    [row] = query(database_url, "SELECT claimable_at = 'infinity' AS out FROM schedule")
    assert row["out"]

    applied(settings, SHOP + "  interval_seconds: 15\n  paused: false\n")

    [row] = query(database_url, "SELECT claimable_at = 'infinity' AS out FROM schedule")
    assert not row["out"]
