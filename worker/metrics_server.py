"""A worker's metrics over HTTP, in a thread: they must respond even if the event loop does not."""

import logging
import socket
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from app.listening import listening_sockets
from app.metrics.exposition import CONTENT_TYPE_LATEST, render

log = logging.getLogger(__name__)

# Seconds for a client to send its request: a silent client must not hold a thread forever.
CLIENT_SECONDS = 10
# Seconds that a starting worker waits until its own name can be resolved.
PATIENCE_SECONDS = 2.0


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        found = self.path.partition("?")[0] == "/metrics"
        body = render() if found else b"see /metrics\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST if found else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # as inherited
        # A line for every scrape, four a minute, would be useless.
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(bound.getsockname()[:2], _Handler, bind_and_activate=False)
        # The base class has created a socket to bind itself; replace it.
        self.socket.close()
        self.socket = bound
        self.server_activate()


def serve_metrics(places: Sequence[str], port: int) -> list[ThreadingHTTPServer]:
    """Serve /metrics at `places` from threads until the process ends; port 0: nowhere.

    Nothing is served if an address is not this machine's or the port is taken: the worker still
    runs its checks, because being monitored is not its purpose.
    """
    if port == 0:
        return []
    try:
        servers: list[ThreadingHTTPServer] = [
            _Server(bound) for bound in listening_sockets(places, port, patience=PATIENCE_SECONDS)
        ]
    except OSError as error:
        log.warning("no metrics at %s port %d: %s", ", ".join(places), port, error)
        return []
    for server in servers:
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return servers
