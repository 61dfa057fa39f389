"""Authentication: look up the key of a request before doing anything else for it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response
from app.database import DatabaseUnavailable
from app.keys.keyring import Key, KeyRefused

REALM = 'Bearer realm="stagewatch"'
# The name under which the key of a request is kept in its scope's state.
KEY = "api_key"


def bearer(headers: Headers) -> str | None:
    """Return the token of `Authorization: Bearer …` (RFC 6750); None if there is none.

    Another scheme is meant for another server: a proxy in front with its own passwords.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def key_of(scope: Scope) -> Key | None:
    """Return the key of a request, or None."""
    key: Key | None = scope.get("state", {}).get(KEY)
    return key


class AuthenticationMiddleware:
    """ASGI middleware: finds the key of requests below `prefix`; 401 for an invalid one.

    A client that sends a key must learn that it is invalid. A request without a key is passed on.
    503 while the database does not answer: a 401 would make clients discard a valid key.
    """

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = None
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            token = bearer(Headers(scope=scope))
        if token is None:
            await self.app(scope, receive, send)
            return
        try:
            key = await scope["app"].state.keyring.find(token)
        except KeyRefused as refused:
            challenge = f'{REALM}, error="invalid_token", error_description="{refused}"'
            answer = problem_response(401, str(refused), headers={"WWW-Authenticate": challenge})
        except DatabaseUnavailable:
            detail = "The database does not answer, so keys can't be checked; try again soon."
            answer = problem_response(503, detail, headers={"Retry-After": "5"})
        else:
            scope.setdefault("state", {})[KEY] = key
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)
