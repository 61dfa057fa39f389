"""Messages of PostgreSQL are received, after a lost connection too."""

import asyncio
from collections.abc import Callable

from app.settings import Settings
from tests.services import query
from worker.listener import Listener


async def until(state: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not state():  # noqa: ASYNC110 (it sends no event)
            await asyncio.sleep(0.05)


def test_notifications_are_received_again_after_the_connection_was_cut(
    settings: Settings, database_url: str
) -> None:
    async def work() -> None:
        heard: list[None] = []
        listener = Listener(settings.database_url, "notifications", lambda: heard.append(None))
        await until(lambda: len(heard) == 1)

        await asyncio.to_thread(query, database_url, "NOTIFY notifications")
        await until(lambda: len(heard) == 2)

        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        await asyncio.to_thread(query, database_url, cut)
        # Messages may have been missed meanwhile, so the listener is told.
        await until(lambda: len(heard) == 3)
        await asyncio.to_thread(query, database_url, "NOTIFY notifications")
        await until(lambda: len(heard) == 4)
        await listener.close()

    asyncio.run(work())
