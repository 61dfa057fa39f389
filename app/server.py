"""The server that runs the application: `python -m app.server`, and `make run` locally."""

import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from app import logs
from app.http_limits import LimitedHttpProtocol
from app.listening import listening_sockets
from app.open_files import connections
from app.settings import Settings, load_settings

# Uvicorn's own, so that its lines look alike.
log = logging.getLogger("uvicorn.error")

# The port inside the container; the port outside is chosen when it is published.
PORT = 8000
# Seconds to finish responses after SIGTERM: Docker kills the container after ten. Without a
# request in progress, the server stops at once.
GRACE_SECONDS = 8


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
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """Logs where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Uvicorn logs this only for sockets that it has opened itself.
        for listening in sockets or ():
            log.info("Listening on %s port %d", *listening.getsockname()[:2])


def main() -> None:
    settings = load_settings(seals=True)
    logs.configure(settings, "api")
    config = server_config(settings, host=settings.listen[0], port=PORT)
    try:
        sockets = listening_sockets(settings.listen, PORT)
    except OSError as error:
        raise SystemExit(f"stagewatch: LISTEN: {error.strerror}") from None
    Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
