"""A limit for the requests that one client makes, counted in the cache."""

import hashlib
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem_response
from app.cache import CacheUnavailable


def by_client(request: Request) -> str:
    """Return the address of the peer, or the one that a trusted proxy reports."""
    return request.client.host if request.client else "unknown"


def by_path(request: Request) -> str:
    """Return a hash of the path, which may contain a token that the cache need not know."""
    return hashlib.sha256(request.url.path.encode()).hexdigest()[:32]


class RateLimitMiddleware:
    """ASGI middleware: 429 with Retry-After for requests beyond `per_minute`, counted by `key`.

    Only paths below `prefix` count: health may be checked at any time.
    When the cache does not answer, no limit applies: an outage of Redis must not become ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        per_minute: int,
        prefix: str = "/api/",
        key: Callable[[Request], str] = by_client,
    ) -> None:
        self.app = app
        self.limit = RateLimitItemPerMinute(per_minute)
        self.prefix = prefix
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            hit = await request.app.state.cache.hit(self.limit, self.prefix + self.key(request))
        except CacheUnavailable:
            await self.app(scope, receive, send)
            return
        limits = {
            "RateLimit-Limit": str(self.limit.amount),
            "RateLimit-Remaining": str(hit.remaining),
            "RateLimit-Reset": str(hit.reset),
        }
        if not hit.allowed:
            detail = f"More than {self.limit.amount} requests a minute; try again in {hit.reset} s."
            refusal = problem_response(
                429, detail, headers=limits | {"Retry-After": str(hit.reset)}
            )
            await refusal(scope, receive, send)
            return

        async def with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *Headers(limits).raw]
            await send(message)

        await self.app(scope, receive, with_limits)
