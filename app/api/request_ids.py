"""Every request has an id, by which it can be found in the proxy's log."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import request_id


class RequestIdMiddleware:
    """ASGI middleware: takes X-Request-ID or makes one, and returns it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = request_id.accept(Headers(scope=scope).get(request_id.HEADER))
        # Not reset at the end: Uvicorn runs each request in its own task, and so its own context,
        # in which an exception is answered after this.
        request_id.current.set(accepted)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[request_id.HEADER] = accepted
            await send(message)

        await self.app(scope, receive, with_id)
