"""The HTTP client: a fresh connection for each request, the guard at each hop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.probing.connect import Network
from app.probing.exchange import REDIRECTS, Exchange
from app.probing.failure import Failure
from app.probing.stopwatch import Stopwatch
from app.probing.targets import HttpTarget
from app.probing.tls import certificate_expiry, secure
from app.probing.urls import Url, join
from app.probing.verdict import judge

MAX_REDIRECTS = 10

Headers = Sequence[tuple[str, str]]

# What the operator entrusted to one server is not for another; a Host is that server's name.
_FOR_ORIGIN_ONLY = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "host",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
    }
)
_OF_THE_BODY = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)


# Packing and unpacking would cost both sides more than the bytes do. No connection is used twice:
# a check that finds one open would not see that new ones are refused.
_OWN = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "close"))


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


_COMMON = _lines(_OWN)


@dataclass(slots=True)
class Request:
    """What to send, and what is wanted of the answer.

    `keep_body` asks for its content; `certificate` for the date when the certificate expires.
    """

    url: Url
    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    follow_redirects: bool = True
    verify_tls: bool = True
    keep_body: bool = True
    certificate: bool = False


@dataclass(slots=True)
class Response:
    """The last answer. `headers` has lower-case names, and only those that somebody reads.

    `body` is its first MiB, unpacked, if it was asked for; `truncated` says that there is more.
    `certificate_expires` is the earliest on the way, in seconds since the epoch.
    """

    url: Url
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    truncated: bool
    certificate_expires: float | None


class HttpClient:
    """Sends requests over `network`, naming itself `user_agent`. It keeps no state between them."""

    def __init__(self, network: Network, user_agent: str) -> None:
        self._network = network
        self._user_agent = user_agent

    async def check(self, target: HttpTarget, watch: Stopwatch) -> None:
        """Return if the target answers as it must; raise Failure if not."""
        request = Request(
            target.url,
            target.method,
            target.headers,
            target.body,
            target.follow_redirects,
            target.verify_tls,
            keep_body=target.keyword is not None or target.json_path is not None,
            certificate=target.certificate_days is not None and target.verify_tls,
        )
        judge(target, await self.fetch(request, watch))

    async def fetch(self, request: Request, watch: Stopwatch) -> Response:
        """Return the answer to `request`, after redirects; raise Failure if there is none.

        There is no deadline in here: the caller sets one around it.
        """
        response = await self._once(request, watch)
        if not (request.follow_redirects and _redirected(response)):
            return response
        seen = {(request.method, request.url.text)}
        for _ in range(MAX_REDIRECTS):
            request = _next_request(request, response)
            if (request.method, request.url.text) in seen:
                raise Failure(f"redirect loop at {request.url.text}")
            seen.add((request.method, request.url.text))
            expires = response.certificate_expires
            try:
                response = await self._once(request, watch, expires)
            except Failure as failure:
                raise Failure(f"{failure.reason} (redirected to {request.url.text})") from None
            if not _redirected(response):
                return response
        raise Failure(f"more than {MAX_REDIRECTS} redirects")

    async def _once(
        self, request: Request, watch: Stopwatch, expires: float | None = None
    ) -> Response:
        """Return the answer of one server; `expires` is the earliest certificate so far."""
        url = request.url
        tls = url.scheme == "https"
        exchange = Exchange(
            asyncio.get_running_loop().create_future(),
            _serialise(request, self._user_agent),
            watch,
            tls=tls,
            head=request.method == "HEAD",
            follow=request.follow_redirects,
            keep=request.keep_body,
        )
        try:
            transport = await self._network.connect(lambda: exchange, url.host, url.port, watch)
            if tls:
                exchange.begin_tls()
                transport = await secure(transport, exchange, url.host, request.verify_tls, watch)
                exchange.transport = transport
                if request.certificate:
                    expires = _earlier(expires, certificate_expiry(transport))
                exchange.send()
            await exchange.done
        finally:
            exchange.close()
        if exchange.failure is not None:
            raise Failure(exchange.failure)
        body = exchange.body
        return Response(
            url,
            exchange.status,
            exchange.headers,
            body.content() if body is not None else b"",
            exchange.truncated or (body is not None and body.truncated),
            expires,
        )


def _redirected(response: Response) -> bool:
    return b"location" in response.headers and response.status in REDIRECTS


def _earlier(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _next_request(request: Request, response: Response) -> Request:
    """Return the request that a browser would send next (RFC 9110, section 15.4; Fetch, 4.4)."""
    raw = response.headers[b"location"]
    try:
        location = raw.decode("utf-8")
    except UnicodeDecodeError:
        location = raw.decode("latin-1")
    try:
        url = join(response.url, location)
    except ValueError as error:
        raise Failure(f"redirect to an address that cannot be used: {error}") from None
    method, body, dropped = request.method, request.body, set[str]()
    rewritten = (response.status == 303 and method != "HEAD") or (
        response.status in (301, 302) and method == "POST"
    )
    if rewritten:
        method, body = "GET", None
        dropped |= _OF_THE_BODY
    if url.origin != response.url.origin:
        dropped |= _FOR_ORIGIN_ONLY
    return Request(
        url,
        method,
        tuple((name, value) for name, value in request.headers if name.lower() not in dropped),
        body,
        request.follow_redirects,
        request.verify_tls,
        request.keep_body,
        request.certificate,
    )


def _serialise(request: Request, user_agent: str) -> bytes:
    """Return the request's bytes; what the caller's headers name replaces the client's own."""
    url, body = request.url, request.body
    if not request.headers and body is None and request.method in ("GET", "HEAD"):
        return (
            f"{request.method} {url.target} HTTP/1.1\r\nHost: {url.authority}\r\n"
            f"User-Agent: {user_agent}\r\n{_COMMON}\r\n"
        ).encode()
    own = [("Host", url.authority), ("User-Agent", user_agent), *_OWN]
    if request.headers:
        given = {name.lower() for name, _ in request.headers}
        own = [each for each in own if each[0].lower() not in given]
        own.extend((name, value.strip()) for name, value in request.headers)
    if body is not None or request.method in ("POST", "PUT", "PATCH"):
        own.append(("Content-Length", str(len(body or b""))))
    head = f"{request.method} {url.target} HTTP/1.1\r\n{_lines(own)}\r\n"
    return head.encode("utf-8") + (body or b"")
