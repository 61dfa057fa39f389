"""Checks of the host that a request names, and of the web page that sent it.

A port that is bound to loopback is still open to every page that the user's browser shows. Such
a page can send a form or a plain text to http://localhost:8000 without asking, and if its own
name resolves to 127.0.0.1 (DNS rebinding), it can read the responses too.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class AllowedHostsMiddleware:
    """ASGI middleware: 421 for a Host that is neither in `allowed` nor an address.

    An address is always allowed: a page that rebinds its name can't make the browser send any other
    Host than that name. "*" in `allowed` allows every host.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self.app = app
        self.allowed = frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "*" in self.allowed or self._is_allowed(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        detail = "The Host of this request is not in ALLOWED_HOSTS."
        await problem_response(421, detail)(scope, receive, send)

    def _is_allowed(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return False
        name = _host_name(hosts[0])
        return name in self.allowed or _is_address(name)


class SameOriginMiddleware:
    """ASGI middleware: 403 for a change below `prefix` requested by another site's page.

    Browsers report this in Sec-Fetch-Site if the connection is trustworthy (HTTPS, localhost), and
    in Origin for every method that changes something. Programs send neither and are let through.
    """

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] not in _SAFE
            and scope["path"].startswith(self.prefix)
            and _is_foreign(Headers(scope=scope))
        ):
            detail = "Pages of other sites must not change anything here."
            await problem_response(403, detail)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    if site := headers.get("sec-fetch-site"):
        # "same-site" is foreign too: another port of localhost is the same site.
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return False
    # Schemes may differ if a proxy terminates TLS.
    return origin.rpartition("://")[2].lower() != headers.get("host", "").lower()


def _host_name(host: str) -> str:
    """Return a Host header without its port, in lower case; "" if it can't be read."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        # No host has this name; it is refused like any unknown host.
        return ""
    name = parts.netloc.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        # A name: ipaddress offers no other way to find out.
        return False
    return True
