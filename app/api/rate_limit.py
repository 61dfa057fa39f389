"""A limit for the requests that one client makes, counted in the cache."""

from functools import lru_cache

from limits import RateLimitItemPerMinute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.authentication import key_of
from app.api.problems import problem_response
from app.cache import CacheUnavailable

# One object per limit, shared by all clients that have it.
_per_minute = lru_cache(maxsize=1000)(RateLimitItemPerMinute)


def client_of(scope: Scope) -> str:
    """Return the address of the peer, or the one that a trusted proxy reports."""
    return scope["client"][0] if scope.get("client") else "unknown"


class RateLimitMiddleware:
    """ASGI middleware: 429 with Retry-After for requests beyond `per_minute`.

    Requests are counted by key, which may have its own limit, so that a script on one machine does
    not use up the limit of users behind the same address. Without a key, they are counted by
    address. Only paths below `prefix` count: health may be checked at any time. While the cache
    does not answer, no limit applies, so that an outage of Redis does not become ours.
    """

    def __init__(self, app: ASGIApp, per_minute: int, prefix: str = "/api/") -> None:
        self.app = app
        self.per_minute = per_minute
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        client, per_minute = self._counted(scope)
        limit = _per_minute(per_minute)
        try:
            hit = await scope["app"].state.cache.hit(limit, self.prefix + client)
        except CacheUnavailable:
            await self.app(scope, receive, send)
            return
        limits = {
            "RateLimit-Limit": str(per_minute),
            "RateLimit-Remaining": str(hit.remaining),
            "RateLimit-Reset": str(hit.reset),
        }
        if not hit.allowed:
            detail = f"More than {per_minute} requests a minute; try again in {hit.reset} s."
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

    def _counted(self, scope: Scope) -> tuple[str, int]:
        """Return the name under which a request is counted, and its limit per minute."""
        key = key_of(scope)
        if key is not None:
            return f"key {key.id}", key.per_minute or self.per_minute
        return client_of(scope), self.per_minute
