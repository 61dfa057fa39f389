"""The HTTP client: every request gets a new connection, and the guard checks every hop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.probing.answer import REDIRECTS, Answer
from app.probing.connect import Connector, certificate_expiry, secure
from app.probing.cookies import Cookies
from app.probing.headers import OF_THE_BODY, SAFE_ACROSS_ORIGINS, check_header, check_method
from app.probing.http_protocol import READ_SIZE, HttpProtocol
from app.probing.result import Failure, Stopwatch
from app.probing.urls import Url, join

MAX_REDIRECTS = 10

Headers = Sequence[tuple[str, str]]

# Compression would cost both sides more than it saves. Connections are never reused: a check over
# an open connection would not notice that new ones are refused.
_OWN = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "close"))


@dataclass(slots=True)
class Request:
    """A request, and what is wanted of the response. Do not modify it once it is created.

    `keep_body` asks for the body's content; `certificate` for the certificate's expiry date. `head`
    and `tail` are the request's bytes, before and after the client's User-Agent, which is sent
    unless `headers` names one. Raises ValueError for a method or a header that cannot be sent.
    """

    url: Url
    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    follow_redirects: bool = True
    verify_tls: bool = True
    keep_body: bool = True
    certificate: bool = False
    head: bytes = field(init=False, repr=False, compare=False)
    tail: bytes = field(init=False, repr=False, compare=False)
    names_user_agent: bool = field(init=False, repr=False, compare=False)
    names_cookies: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Serialise the request, rejecting whatever would break the syntax, wherever it comes from.

        The caller's headers replace the client's own headers of the same name.
        """
        check_method(self.method)
        for name, value in self.headers:
            check_header(name, value)
        given = {name.lower() for name, _ in self.headers}
        own = [("Host", self.url.authority), *_OWN]
        lines = [header for header in own if header[0].lower() not in given]
        lines.extend((name, value.strip()) for name, value in self.headers)
        body = self.body
        if body is not None or self.method in ("POST", "PUT", "PATCH"):
            lines.append(("Content-Length", str(len(body or b""))))
        text = "".join([f"{name}: {value}\r\n" for name, value in lines])
        self.head = f"{self.method} {self.url.target} HTTP/1.1\r\n{text}".encode()
        self.tail = b"\r\n" + (body or b"")
        self.names_user_agent = "user-agent" in given
        self.names_cookies = "cookie" in given


@dataclass(slots=True)
class Response:
    """The final response. `headers` has lower-case names, and only the headers that are used.

    `body` is its first MiB, decompressed, if it was requested; `truncated` means there was more.
    `certificate_expires` is the earliest expiry on the redirect path, in seconds since the epoch.
    """

    url: Url
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    truncated: bool
    certificate_expires: float | None
    cookies: list[bytes]


class HttpClient:
    """Sends requests through `connector` as `user_agent`; keeps no state between requests.

    Use it in one event loop only: all connections read into the same buffer, one at a time.
    """

    def __init__(self, connector: Connector, user_agent: str) -> None:
        self._connector = connector
        self._user_agent = f"User-Agent: {user_agent}\r\n".encode()
        self._buffer = memoryview(bytearray(READ_SIZE))

    async def fetch(self, request: Request, watch: Stopwatch) -> Response:
        """Return the response to `request`, after redirects; raise Failure if there is none.

        This method has no deadline: the caller must set one around it.
        """
        response = await self._once(request, watch)
        if not (request.follow_redirects and _redirected(response)):
            return response
        cookies = Cookies()
        seen = {(request.method, request.url.text, b"")}
        for _ in range(MAX_REDIRECTS):
            cookies.keep(response.url, response.cookies)
            request = _next_request(request, response)
            # A Cookie header of the monitor's own replaces them.
            cookie = b"" if request.names_cookies else cookies.line(request.url)
            asked = (request.method, request.url.text, cookie)
            if asked in seen:
                raise Failure(f"redirect loop at {request.url.text}")
            seen.add(asked)
            expires = response.certificate_expires
            try:
                response = await self._once(request, watch, expires, cookie)
            except Failure as failure:
                raise Failure(f"{failure.reason} (redirected to {request.url.text})") from None
            if not _redirected(response):
                return response
        raise Failure(f"more than {MAX_REDIRECTS} redirects")

    async def _once(
        self,
        request: Request,
        watch: Stopwatch,
        expires: float | None = None,
        cookie: bytes = b"",
    ) -> Response:
        """Return one server's response; `expires` is the earliest certificate expiry so far.

        `cookie` is a header line to send as well, with its line break.
        """
        url = request.url
        tls = url.scheme == "https"
        agent = b"" if request.names_user_agent else self._user_agent
        loop = asyncio.get_running_loop()
        answer = Answer(
            loop.create_future(),
            watch,
            head=request.method == "HEAD",
            follow=request.follow_redirects,
            keep=request.keep_body,
        )
        sent = request.head + agent + cookie + request.tail
        protocol = HttpProtocol(loop, self._buffer, sent, answer, watch, tls=tls)
        try:
            transport = await self._connector.connect(lambda: protocol, url.host, url.port, watch)
            if tls:
                protocol.begin_tls()
                transport = await secure(
                    transport, protocol, url.host, watch, verify=request.verify_tls
                )
                protocol.transport = transport
                if request.certificate:
                    expires = _earlier(expires, certificate_expiry(transport))
                    watch.certificate_expires = expires
                protocol.send()
            await answer.done
        finally:
            protocol.close()
        if answer.failure is not None:
            # A copy: raising the original would make a reference cycle through its traceback.
            raise type(answer.failure)(answer.failure.reason)
        body = answer.body
        return Response(
            url,
            answer.status,
            answer.headers,
            body.content() if body is not None else b"",
            answer.truncated or (body is not None and body.truncated),
            expires,
            answer.cookies,
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
    method, body, headers = request.method, request.body, request.headers
    rewritten = (response.status == 303 and method != "HEAD") or (
        response.status in (301, 302) and method == "POST"
    )
    if rewritten:
        method, body = "GET", None
        headers = tuple(header for header in headers if header[0].lower() not in OF_THE_BODY)
    if url.origin != response.url.origin:
        headers = tuple(header for header in headers if header[0].lower() in SAFE_ACROSS_ORIGINS)
    return Request(
        url,
        method,
        headers,
        body,
        request.follow_redirects,
        request.verify_tls,
        request.keep_body,
        request.certificate,
    )
