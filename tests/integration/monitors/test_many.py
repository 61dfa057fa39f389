"""Many monitors changed together, as when a file is applied."""

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.monitors import many
from app.monitors.schemas import MONITOR_IN
from app.settings import Settings
from tests.integration.checks.support import add, in_transaction
from tests.integration.notifications.conftest import add_channel
from tests.services import query


def test_each_monitor_gets_its_own_configuration_and_channels(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    first, second = (add_channel(client, f"https://example.com/{n}")["id"] for n in range(2))
    ids = [
        add(client, channel_ids=[first]),
        add(client, channel_ids=[first, second]),
        add(client),
        add(client, channel_ids=[second]),
    ]
    client.post(f"/api/monitors/{ids[2]}/pause")
    named: list[list[int] | None] = [[second], None, [first, second]]

    async def change(session: AsyncSession) -> None:
        found = await many.lock(session, ids[:3])
        changes: list[Any] = [
            (
                one,
                MONITOR_IN.validate_python(
                    {
                        "name": f"New {number}",
                        "kind": "http",
                        "url": f"http://127.0.0.1/{number}",
                        "channel_ids": named[number],
                    }
                ),
            )
            for number, one in enumerate(found)
        ]
        await many.change(session, changes)

    in_transaction(settings, change)

    monitors = [client.get(f"/api/monitors/{number}").json() for number in ids]
    assert [monitor["name"] for monitor in monitors] == ["New 0", "New 1", "New 2", "Site"]
    assert [monitor["channel_ids"] for monitor in monitors] == [*named, [second]]
    rows = query(
        database_url,
        "SELECT version, claimable_at = 'infinity' AS paused"
        " FROM monitors JOIN schedule ON monitor_id = id ORDER BY id",
    )
    assert [row["version"] for row in rows] == [2, 2, 2, 1]
    assert [row["paused"] for row in rows] == [False, False, True, False]
