"""HEAD for every route that has GET."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """ASGI middleware: answers HEAD as GET would be answered, without the body (RFC 9110, 9.3.2).

    Monitors and load balancers often request /health that way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        ended = False

        async def without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.body":
                if ended:
                    return
                # The end, even of an endless stream, which stops when its client is gone.
                ended = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        # A copy, because the server reads the method in its own scope to know that no body follows.
        await self.app(dict(scope) | {"method": "GET"}, receive, without_body)
