"""A proxy for Redis that a test can close, silence and reopen at the same address."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from tests.background import BackgroundServers


class Way(BackgroundServers):
    """Passes bytes on between clients and the Redis at `url`; `self.url` is for the clients."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._port = 0
        self._silent = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        """Open it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close it: connections are cut, new ones refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def hush(self, silent: bool) -> None:
        """Keep the connections but forward nothing, or forward again."""
        self._silent = silent

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Connections are cut by the test, on either side.
        with contextlib.suppress(OSError):
            there, back = await self._connect()
            self._writers |= {writer, back}
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # As above.
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self._silent:
                    writer.write(data)
        writer.close()
