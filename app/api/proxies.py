"""Take a request's client address from trusted proxies, and from no other peer."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import IpNetwork

log = logging.getLogger(__name__)

# Seconds for which a name's addresses are valid; then they may belong to another container.
FRESH_SECONDS = 10.0
# Seconds until the name is resolved again because an unknown address has connected.
AGAIN_SECONDS = 1.0
# Seconds that a request waits for a name server.
PATIENCE_SECONDS = 1.0


class TrustedProxiesMiddleware:
    """ASGI middleware: takes the client and the scheme from the headers of a trusted proxy.

    `trusted`: addresses, networks, and names. A proxy in a container gets its address when it
    starts, which may be after this process, and may get another one later, so its name is resolved
    again when an unknown address connects. X-Forwarded-For is read from its end, past other trusted
    proxies: anything before the first untrusted address is only that client's claim.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self.app = app
        self._networks: list[IpNetwork] = []
        self._names: list[str] = []
        for place in trusted:
            try:
                self._networks.append(ip_network(place))
            except ValueError:
                self._names.append(place)
        self._addresses: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and client and await self._is_proxy(client[0]):
            # In place, because the server's access log reads it too.
            headers = Headers(scope=scope)
            if found := self._client(headers.getlist("x-forwarded-for")):
                scope["client"] = (found, 0)
            if (scheme := headers.get("x-forwarded-proto", "").lower()) in {"http", "https"}:
                scope["scheme"] = scheme
        await self.app(scope, receive, send)

    def _client(self, forwarded: Sequence[str]) -> str | None:
        """Return the nearest address that is no trusted proxy's, or the farthest if all are."""
        found = None
        for part in reversed(",".join(forwarded).split(",")):
            address = _address(part.strip())
            if address is None:
                break
            found = str(address)
            if not self._knows(found):
                break
        return found

    async def _is_proxy(self, host: str) -> bool:
        if self._knows(host):
            if self._names:
                self._ask_after(FRESH_SECONDS)
            return True
        if not self._names:
            return False
        self._ask_after(AGAIN_SECONDS)
        if self._asking is not None:
            # All requests that arrive meanwhile wait for it; none of them cancels it by leaving.
            await asyncio.wait([self._asking], timeout=PATIENCE_SECONDS)
        return self._knows(host)

    def _knows(self, host: str) -> bool:
        if host in self._addresses:
            return True
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def _ask_after(self, seconds: float) -> None:
        """Start to resolve the names, unless that is running or was done in the last `seconds`."""
        now = asyncio.get_running_loop().time()
        if self._asking is None and now - self._asked_at >= seconds:
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            answers = await asyncio.gather(*(_addresses(name) for name in self._names))
            self._addresses = frozenset().union(*answers)
        finally:
            self._asking = None


async def _addresses(name: str) -> frozenset[str]:
    """Return a name's addresses; none if it can't be resolved, as while the proxy is down."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        log.info("TRUSTED_PROXIES: %s: %s", name, error)
        return frozenset()
    return frozenset(str(address[0]) for *_, address in found)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        # A name, or something that a client made up: not the address of any proxy.
        return None
