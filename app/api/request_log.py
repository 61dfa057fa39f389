"""A log line and a metric observation per request, and its id in all lines it causes."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import request_id
from app.api.private_paths import shown
from app.metrics.definitions import REQUESTS

log = logging.getLogger(__name__)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(scope: Scope) -> str:
    """Return the method, or "other": a client may send any word as one."""
    method: str = scope["method"]
    return method if method in _METHODS else "other"


class RequestLogMiddleware:
    """ASGI middleware: takes X-Request-ID or makes one, returns it, and logs the request.

    With `every` false, only requests that end in a server error are logged, because a proxy in
    front logs all of them.
    """

    def __init__(self, app: ASGIApp, *, every: bool = True) -> None:
        self.app = app
        self.every = every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = request_id.accept(Headers(scope=scope).get(request_id.HEADER))
        # Not reset at the end: Uvicorn runs each request in its own task, and so its own context,
        # in which it logs an exception after this.
        request_id.current.set(accepted)
        # As in Nginx, for a client that left before the response began.
        status = 499
        streamed = False
        began = time.perf_counter()

        async def with_id(message: Message) -> None:
            nonlocal status, streamed
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[request_id.HEADER] = accepted
                streamed = headers.get("content-type", "").startswith("text/event-stream")
            await send(message)

        try:
            await self.app(scope, receive, with_id)
        except Exception:
            status = 500
            raise
        finally:
            seconds = time.perf_counter() - began
            # By the route's template: one series per route, whatever paths are requested.
            route = getattr(scope.get("route"), "path", "none")
            # How long a client keeps a live stream open says nothing about response times.
            if not streamed:
                REQUESTS.labels(_method(scope), route, status).observe(seconds)
            if self.every or status >= 500:
                self._log(scope, status, seconds)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        client = scope.get("client")
        log.log(
            logging.ERROR if status >= 500 else logging.INFO,
            "%s %s %d",
            scope["method"],
            shown(scope["path"]),
            status,
            extra={
                "method": scope["method"],
                "path": shown(scope["path"]),
                # The template, /api/monitors/{monitor_id}, to count by.
                "route": getattr(scope.get("route"), "path", None),
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
                "client": client[0] if client else None,
            },
        )
