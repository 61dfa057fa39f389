"""So many requests a minute for each client, counted in the cache."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.cache import CacheUnavailable
from app.problems import problem_response

WINDOW_SECONDS = 60


class RateLimit:
    """ASGI middleware: 429 with Retry-After for a client's requests beyond `per_minute`.

    Only what begins with `prefix` counts: that this service is alive may be asked at any time.
    A fixed window: simple, one round trip, and at its edges twice the limit may pass. When the
    cache does not answer nobody is limited: an outage of Redis must not become ours.
    """

    def __init__(self, app: ASGIApp, per_minute: int, prefix: str = "/api/") -> None:
        self.app = app
        self.per_minute = per_minute
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        client = request.client.host if request.client else "unknown"
        try:
            count, left = await request.app.state.cache.count(f"rate:{client}", WINDOW_SECONDS)
        except CacheUnavailable:
            await self.app(scope, receive, send)
            return
        limits = {
            "RateLimit-Limit": str(self.per_minute),
            "RateLimit-Remaining": str(max(self.per_minute - count, 0)),
            "RateLimit-Reset": str(left),
        }
        if count > self.per_minute:
            detail = f"More than {self.per_minute} requests a minute; try again in {left} s."
            refusal = problem_response(429, detail, headers=limits | {"Retry-After": str(left)})
            await refusal(scope, receive, send)
            return

        async def with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *Headers(limits).raw]
            await send(message)

        await self.app(scope, receive, with_limits)
