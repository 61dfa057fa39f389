"""A limit for the requests that one client makes, counted in the cache."""

from limits import RateLimitItemPerMinute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem_response
from app.cache import CacheUnavailable


def client_of(scope: Scope) -> str:
    """Return the address of the peer, or the one that a trusted proxy reports."""
    return scope["client"][0] if scope.get("client") else "unknown"


class RateLimitMiddleware:
    """ASGI middleware: 429 with Retry-After for requests of a client beyond `per_minute`.

    Only paths below `prefix` count: health may be checked at any time.
    When the cache does not answer, no limit applies: an outage of Redis must not become ours.
    """

    def __init__(self, app: ASGIApp, per_minute: int, prefix: str = "/api/") -> None:
        self.app = app
        self.limit = RateLimitItemPerMinute(per_minute)
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        try:
            hit = await scope["app"].state.cache.hit(self.limit, self.prefix + client_of(scope))
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
