"""The server that runs the application: `python -m app.server`, and `make run` locally."""

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
from app.open_files import connections
from app.settings import Settings, load_settings

# Uvicorn's own, so that its lines look alike.
log = logging.getLogger("uvicorn.error")

# The port inside the container; the port outside is chosen when it is published.
PORT = 8000
# Seconds to accept connections that have already begun. Between two containers only the kernel has
# to act for that, which takes microseconds.
ACCEPT_SECONDS = 0.1


def server_config(
    settings: Settings,
    *,
    host: str,
    port: int,
    application: str | Callable[[], Any] = "app.main:create_app",
) -> uvicorn.Config:
    """Return the configuration of the server and its limits, inside and outside the image."""
    return uvicorn.Config(
        application,
        factory=True,
        host=host,
        port=port,
        http=LimitedHttpProtocol,
        ws="none",
        # Uvicorn uses the application's log configuration, and the application logs requests.
        log_config=None,
        access_log=False,
        # Uvicorn trusts loopback by default. The application knows which proxies to trust.
        proxy_headers=False,
        server_header=False,
        limit_concurrency=connections(settings.max_connections),
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


class Server(uvicorn.Server):
    """Logs where it listens, and stops behind a proxy without losing a request.

    `behind_proxy`: clients are proxies that reuse connections, and can use another server when
    nothing listens here: for instance, a container that replaces this one.
    """

    def __init__(self, config: uvicorn.Config, *, behind_proxy: bool = False) -> None:
        super().__init__(config)
        self._behind_proxy = behind_proxy

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Uvicorn logs this only for sockets that it has opened itself.
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
        log.info("Stopping: %d connections are open", len(connections))
        # Polled, as Uvicorn does: there is no event for the end of a connection.
        while connections and time.monotonic() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        # Connections that are still open have had their time.
        self.config.timeout_graceful_shutdown = max(round(deadline - time.monotonic()), 1)


def main() -> None:
    settings = load_settings(seals=True)
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
