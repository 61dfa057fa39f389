"""The stored configuration is read in parts, all of them as of one moment."""

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.sealing import Sealer
from app.config_file import stored
from app.config_file.export import export
from app.config_file.stored import load_at_once
from app.settings import Settings
from tests.integration.checks.support import add, in_transaction
from tests.integration.notifications.conftest import add_channel


def test_a_monitor_added_during_an_export_is_left_out(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, name="Shop")
    read: Any = stored._monitors

    async def meanwhile(session: AsyncSession, after: int) -> Any:
        # Channels have been read. The console adds one, and a monitor that notifies it.
        if after == 0:
            channel = await asyncio.to_thread(add_channel, client, "https://example.com/")
            await asyncio.to_thread(add, client, name="Till", channel_ids=[channel["id"]])
        return await read(session, after)

    monkeypatch.setattr(stored, "_monitors", meanwhile)

    text = export(in_transaction(settings, lambda session: load_at_once(session, Sealer([]))))

    assert "name: Shop" in text
    assert "name: Till" not in text


def test_no_monitor_is_lost_between_two_batches(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PART", 2)
    names = [f"Shop {number}" for number in range(5)]
    for name in names:
        add(client, name=name)

    found = in_transaction(settings, lambda session: load_at_once(session, Sealer([]))).monitors

    assert [one.name for one in found] == names
