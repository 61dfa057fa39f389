"""The server around the application: `python -m app.server`, and `make run` on this machine."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import uvicorn

from app import logs
from app.http_limits import LimitedHttpProtocol
from app.listening import listening_sockets, no_new_connections
from app.settings import Settings, load_settings

# Uvicorn's own, so that its lines look alike.
log = logging.getLogger("uvicorn.error")

# Where the image listens; the port outside is chosen when it is published.
PORT = 8000
# Seconds for connections that have begun to be accepted. Between two containers it is the kernel
# alone that has to do something for that, in microseconds.
ACCEPT_SECONDS = 0.1


def server_config(
    settings: Settings,
    *,
    host: str,
    port: int,
    application: str | Callable[[], Any] = "app.main:create_app",
) -> uvicorn.Config:
    """Return how `application` is served, with its limits, in the image and elsewhere alike."""
    return uvicorn.Config(
        application,
        factory=True,
        host=host,
        port=port,
        http=LimitedHttpProtocol,
        ws="none",
        # Uvicorn logs as all else does, and requests are logged by the application.
        log_config=None,
        access_log=False,
        # Uvicorn believes loopback by default. The application knows whom to believe.
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


class Server(uvicorn.Server):
    """Says where it listens, and leaves a proxy without a request lost.

    `behind_proxy`: clients are proxies that use connections again, and have somebody else to ask
    when nothing listens here: another container, for instance, that takes this one's place.
    """

    def __init__(self, config: uvicorn.Config, *, behind_proxy: bool = False) -> None:
        super().__init__(config)
        self._behind_proxy = behind_proxy

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Uvicorn says it only of a socket that it has opened itself.
        for listening in sockets or ():
            log.info("Listening on %s port %d", *listening.getsockname()[:2])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._behind_proxy:
            await self._leave(sockets or [])
        await super().shutdown(sockets)

    async def _leave(self, sockets: list[socket.socket]) -> None:
        """Accept nothing more, and wait for clients to close what is open.

        Nginx closes a connection that it has not used for four seconds (nginx/templates), before
        this server would (five).
        """
        deadline = time.monotonic() + (self.config.timeout_graceful_shutdown or 0)
        with ExitStack() as beginning:
            for listening in sockets:
                beginning.enter_context(no_new_connections(listening))
            await asyncio.sleep(ACCEPT_SECONDS)
            for server in self.servers:
                server.close()
        connections: set[LimitedHttpProtocol] = self.server_state.connections  # type: ignore[assignment]  # our own protocol makes them
        for connection in list(connections):
            connection.leave()
        log.info("Leaving: %d connections are open", len(connections))
        # As Uvicorn does; a connection's end is no event that could be waited for.
        while connections and time.monotonic() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        # What is left has had its time.
        self.config.timeout_graceful_shutdown = max(round(deadline - time.monotonic()), 1)


def main() -> None:
    settings = load_settings()
    logs.configure(settings, "api")
    config = server_config(settings, host=settings.listen[0], port=PORT)
    behind_proxy = bool(settings.trusted_proxies)
    try:
        sockets = listening_sockets(settings.listen, PORT, shared=behind_proxy)
    except OSError as error:
        raise SystemExit(f"stagewatch: LISTEN: {error.strerror}") from None
    Server(config, behind_proxy=behind_proxy).run(sockets=sockets)


if __name__ == "__main__":
    main()
