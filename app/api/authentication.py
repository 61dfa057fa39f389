"""Authentication: look up the key of a request before doing anything else for it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response
from app.database import DatabaseUnavailable
from app.keys.attempts import FailedAttempts
from app.keys.keyring import Key, KeyRefused, Keyring

REALM = 'Bearer realm="stagewatch"'
WANTED = "This needs an API key, sent as `Authorization: Bearer sw_…`."
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


class _TooManyWrongKeys(Exception):
    """An address has to wait for `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class AuthenticationMiddleware:
    """ASGI middleware: finds the key of requests below `prefix`; 401 for an invalid one.

    Also on public routes: a client that sends a key must learn that it is invalid. A request
    without a key is passed on, and the route decides (app.api.access). 503 while the database does
    not answer: a 401 would make clients discard a valid key.

    429 for an address that has sent too many different wrong keys. Only keys that were valid before
    are then looked up, for other clients behind the same address.
    """

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self.app = app
        self.prefix = prefix
        self._failed = FailedAttempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = None
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            token = bearer(Headers(scope=scope))
        if token is None:
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else "unknown"
        try:
            key = await self._find(scope["app"].state.keyring, address, token)
        except KeyRefused as refused:
            self._failed.note(address, token, str(refused))
            challenge = f'{REALM}, error="invalid_token", error_description="{refused}"'
            answer = problem_response(401, str(refused), headers={"WWW-Authenticate": challenge})
        except _TooManyWrongKeys as limited:
            detail = f"Too many wrong keys from {address}; try again in {limited.wait} s."
            answer = problem_response(429, detail, headers={"Retry-After": str(limited.wait)})
        except DatabaseUnavailable:
            detail = "The database does not answer, so keys can't be checked; try again soon."
            answer = problem_response(503, detail, headers={"Retry-After": "5"})
        else:
            scope.setdefault("state", {})[KEY] = key
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _find(self, keyring: Keyring, address: str, token: str) -> Key:
        if fault := self._failed.fault(address, token):
            raise KeyRefused(fault)
        wait = self._failed.wait(address)
        if wait and not keyring.has_seen(token):
            raise _TooManyWrongKeys(wait)
        return await keyring.find(token)
