"""The server that runs the application: `python -m app.server`, and `make run` locally."""

import copy
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from app.api.private_paths import shown
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


class PrivatePaths(logging.Filter):
    """Remove queries and the tokens of /ping from the access log: both may be secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the path in Uvicorn's arguments: client, method, path, version, status."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            record.args = (client, method, shown(str(path)), version, status)
        return True


def log_config() -> dict[str, Any]:
    """Return Uvicorn's log configuration with a filter for the access log."""
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    config["filters"] = {"private": {"()": PrivatePaths}}
    config["handlers"]["access"]["filters"] = ["private"]
    return config


def server_config(
    settings: Settings,
    *,
    host: str,
    port: int,
    log_level: str = "info",
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
        log_config=log_config(),
        log_level=log_level,
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
    settings = load_settings()
    config = server_config(settings, host=settings.listen[0], port=PORT)
    try:
        sockets = listening_sockets(settings.listen, PORT)
    except OSError as error:
        raise SystemExit(f"stagewatch: LISTEN: {error.strerror}") from None
    Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
