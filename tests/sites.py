"""Web servers for tests to monitor."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Site:
    """A web server whose status and body a test sets, and that keeps what is posted to it."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"ok"
        self.calls = 0
        self.posted: list[tuple[Message, bytes]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.calls += 1
                self.answer()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.posted.append((self.headers, body))
                self.answer()

            def answer(self) -> None:
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.body)))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@contextmanager
def new_site() -> Iterator[Site]:
    """Serve a site within the block."""
    site = Site()
    with site.server:
        thread = Thread(target=site.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            # After a failed test too: a running server would keep the test run from ending.
            site.server.shutdown()
            thread.join()
