"""Receive messages of PostgreSQL's pg_notify on a dedicated connection."""

import asyncio
import logging
from collections.abc import Callable

import asyncpg

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
# Seconds between two tests of the connection, whose loss would otherwise go unnoticed.
PROBE_SECONDS = 15.0
# Seconds until the next attempt after a loss, doubled after every failed attempt.
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 8.0


class Listener:
    """Calls `on_message` for every message on `channel`, and `on_connection` when it connects.

    It reconnects whenever the connection is lost. Messages sent in the meantime are never repeated,
    so `on_connection` must catch up on them. Create it inside the event loop that it runs in.
    """

    def __init__(
        self,
        url: str,
        channel: str,
        *,
        on_message: Callable[[str], object],
        on_connection: Callable[[], object],
    ) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._channel = channel
        self._on_message = on_message
        self._on_connection = on_connection
        self._retry_seconds = RETRY_SECONDS
        self.listening = False
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        self._task.cancel()
        # Wait until it has ended; being cancelled is not an error.
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.info("not listening for %s now: %s", self._channel, error)
            except Exception:
                log.exception("listening for %s failed", self._channel)
            finally:
                self.listening = False
            await asyncio.sleep(self._retry_seconds)
            self._retry_seconds = min(2 * self._retry_seconds, MAX_RETRY_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(self._channel, self._heard)
            self._retry_seconds = RETRY_SECONDS
            self.listening = True
            self._on_connection()
            while not lost.is_set():
                try:
                    async with asyncio.timeout(PROBE_SECONDS):
                        await lost.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _process: int, _channel: str, payload: str) -> None:
        self._on_message(payload)
