"""The targets of the workers' test: a hundred sites, and a receiver of webhooks.

Runs in a container of its own, with nothing but Python.

    GET  /site/N      200, or 503 for the sites that fail
    POST /fail        a JSON list: the sites that fail from now on
    POST /hook        a webhook
    GET  /seen        {"calls": {N: count}, "hooks": [[headers, body], …]}
"""

import json
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

calls: Counter[str] = Counter()
failing: set[str] = set()
hooks: list[tuple[dict[str, str], str]] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/seen":
            self.answer(200, json.dumps({"calls": calls, "hooks": hooks}).encode())
            return
        site = self.path.removeprefix("/site/")
        calls[site] += 1
        self.answer(503 if site in failing else 200, b"ok")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/fail":
            failing.clear()
            failing.update(str(site) for site in json.loads(body))
        else:
            hooks.append((dict(self.headers.items()), body.decode()))
        self.answer(200, b"ok")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


if __name__ == "__main__":
    Server(("", 8000), Handler).serve_forever()
