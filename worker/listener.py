"""Receive messages of PostgreSQL's pg_notify on a dedicated connection."""

import asyncio
import logging
from collections.abc import Callable

import asyncpg

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
# Seconds between two tests of the connection, whose loss would otherwise go unnoticed, and until
# the next attempt after a loss.
PROBE_SECONDS = 15.0
RETRY_SECONDS = 2.0


class Listener:
    """Calls `on_message` for every message on `channel`, and whenever it connects.

    The latter because messages sent while it had no connection are never repeated. It is faster
    than polling, but not safer, so the caller polls too.
    """

    def __init__(self, url: str, channel: str, on_message: Callable[[], object]) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._channel = channel
        self._on_message = on_message
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.info("not listening for notifications now, they are polled: %s", error)
            except Exception:
                log.exception("listening for notifications failed")
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(self._channel, self._heard)
            self._on_message()
            while not lost.is_set():
                try:
                    async with asyncio.timeout(PROBE_SECONDS):
                        await lost.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _heard(self, *_: object) -> None:
        self._on_message()
