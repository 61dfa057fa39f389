"""Upkeep seals secrets that are plain or sealed with an older key, without blocking anything."""

import asyncio
import logging
import secrets

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.channels import resealing
from app.channels.resealing import Tally, reseal
from app.channels.sealing import Sealer
from app.database import Database
from app.settings import Settings
from tests.integration.checks.support import with_database
from tests.integration.conftest import Workers
from tests.integration.notifications.conftest import SECRET, add_channel
from tests.services import query
from worker import engine

OLD, NEW = secrets.token_urlsafe(32) + "=", secrets.token_urlsafe(32) + "="
STORED = "SELECT secret, version FROM channels WHERE kind = 'webhook' ORDER BY id"


def add_channels(client: TestClient, count: int) -> None:
    for number in range(count):
        add_channel(client, "https://example.com/", name=f"Hook {number}")
    add_channel(client, "json://example.com", kind="apprise")


def keys_of(database_url: str, *keys: str) -> list[int | None]:
    """Return the index of each secret's key, after checking that each one is SECRET."""
    looks = [Sealer(keys).look(row["secret"]) for row in query(database_url, STORED)]
    assert {look.secret for look in looks} == {SECRET}
    return [look.key for look in looks]


def resealed(settings: Settings, *keys: str, settled: bool = True) -> Tally:
    return with_database(settings, lambda database: reseal(database, Sealer(keys), settled=settled))


def test_plain_secrets_are_sealed_and_channels_keep_their_version(
    client: TestClient, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "PART", 2)
    add_channels(client, 5)

    tally = resealed(settings, NEW)

    assert tally == Tally(first=5)
    assert keys_of(database_url, NEW) == [0] * 5
    assert {row["version"] for row in query(database_url, STORED)} == {1}
    before = query(database_url, STORED)
    assert resealed(settings, NEW) == Tally(first=5)
    assert query(database_url, STORED) == before


def test_secrets_sealed_with_an_older_key_are_resealed_with_the_first_and_counted(
    client: TestClient,
    settings: Settings,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_channels(client, 3)
    resealed(settings, OLD)
    caplog.set_level(logging.INFO, resealing.log.name)

    tally = resealed(settings, NEW, OLD)

    assert tally == Tally(first=3)
    assert keys_of(database_url, NEW) == [0] * 3
    assert "3 sealed by the first key, of these 3 now; 0 by an older key, 0 plain" in caplog.text


def test_nothing_is_written_before_all_processes_can_read_it(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channels(client, 1)
    assert resealed(settings, OLD, settled=False) == Tally(plain=1)
    resealed(settings, OLD)

    assert resealed(settings, NEW, OLD, settled=False) == Tally(older=1)

    assert keys_of(database_url, NEW, OLD) == [1]


def test_two_concurrent_runs_seal_each_secret_once(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channels(client, 20)

    async def both(database: Database) -> list[Tally]:
        sealer = Sealer([NEW])
        work = (reseal(database, sealer, settled=True) for _ in range(2))
        return list(await asyncio.gather(*work))

    with_database(settings, both)

    assert keys_of(database_url, NEW) == [0] * 20
    assert {row["version"] for row in query(database_url, STORED)} == {1}


def test_a_secret_set_by_a_client_meanwhile_is_kept(
    client: TestClient, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channels(client, 1)
    write = resealing._write

    async def later(database: Database, stale: resealing._Stale) -> bool:
        # It has been read but not written yet.
        given = {"secret": "another-secret-of-at-least-16"}
        answer = await asyncio.to_thread(client.patch, f"/api/channels/{stale.id}", json=given)
        assert answer.status_code == 200
        return await write(database, stale)

    monkeypatch.setattr(resealing, "_write", later)

    assert resealed(settings, NEW) == Tally(plain=1)

    assert query(database_url, STORED)[0]["secret"] == "another-secret-of-at-least-16"


def test_secrets_that_cannot_be_opened_are_reported_and_kept(
    client: TestClient, settings: Settings, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    add_channels(client, 2)
    resealed(settings, OLD)
    before = query(database_url, STORED)

    tally = resealed(settings, NEW)

    assert tally == Tally(closed=[1, 2])
    assert "secrets of 2 webhooks can't be opened" in caplog.text
    assert "channels 1, 2" in caplog.text
    assert query(database_url, STORED) == before


def test_without_a_key_nothing_changes(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channels(client, 1)

    assert resealed(settings) == Tally(plain=1)

    assert query(database_url, STORED)[0]["secret"] == SECRET


def test_a_worker_seals_secrets_once_its_release_has_settled(
    client: TestClient, workers: Workers, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channels(client, 1)
    workers.settings = workers.settings.model_copy(update={"webhook_key": SecretStr(NEW)})
    monkeypatch.setattr(engine, "SETTLED_SECONDS", 0.3)
    monkeypatch.setattr(engine, "UPKEEP_SECONDS", 0.1)
    monkeypatch.setattr(engine, "UPKEEP_SHARE", 1)

    workers.start()

    workers.work_until(lambda: query(database_url, STORED)[0]["secret"] != SECRET)
    assert keys_of(database_url, NEW) == [0]
