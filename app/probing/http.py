"""The HTTP client: every request gets a new connection, and the guard checks every hop."""

import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

import httpcore2

from app.probing.guard import Guard
from app.probing.network import GuardedBackend, Stopwatch, tls_context
from app.probing.result import Failure
from app.probing.targets import HttpTarget
from app.probing.urls import Url, join

BODY_LIMIT = 1024 * 1024
MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The only headers kept on a redirect to another origin. RFC 9110, section 15.4, names some that
# must go (Authorization, Cookie, Host), but credentials have many more names: PRIVATE-TOKEN,
# X-Api-Key. So this is an allow-list.
_FOR_ANYBODY = frozenset({"accept", "accept-language", "content-type", "user-agent"})
# Compression would cost both sides more than it saves. Connections are never reused: a check over
# an open connection would not notice that new ones are refused.
_OWN = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "close"))


@dataclass(frozen=True, slots=True)
class Response:
    """The final response. `headers` has lower-case names.

    `body` is its first MiB, decompressed; `truncated` means there was more.
    `certificate_expires` is the earliest expiry on the redirect path, in seconds since the epoch.
    """

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    truncated: bool
    certificate_expires: float | None


async def fetch(target: HttpTarget, guard: Guard, user_agent: str, watch: Stopwatch) -> Response:
    """Return the response to `target`'s request, after redirects; raise Failure if there is none.

    This function has no deadline: the caller must set one around it.
    """
    response = await _once(target, guard, user_agent, watch)
    seen = {(target.method, target.url.text)}
    expires = response.certificate_expires
    while target.follow_redirects and _is_redirect(response):
        target = _next(target, response)
        if (target.method, target.url.text) in seen:
            raise Failure(f"redirect loop at {target.url.text}")
        if len(seen) > MAX_REDIRECTS:
            raise Failure(f"more than {MAX_REDIRECTS} redirects")
        seen.add((target.method, target.url.text))
        try:
            response = await _once(target, guard, user_agent, watch)
        except Failure as failure:
            raise Failure(f"{failure.reason} (redirected to {target.url.text})") from None
        expires = min(filter(None, (expires, response.certificate_expires)), default=None)
    return replace(response, certificate_expires=expires)


async def _once(target: HttpTarget, guard: Guard, user_agent: str, watch: Stopwatch) -> Response:
    """Return one server's response."""
    url = target.url
    location = httpcore2.URL(
        scheme=url.scheme.encode(),
        host=url.host.encode(),
        port=url.port,
        target=url.target.encode(),
    )
    connection = httpcore2.AsyncHTTPConnection(
        location.origin,
        ssl_context=tls_context(verify=target.verify_tls),
        network_backend=GuardedBackend(guard, watch),
    )
    request = httpcore2.Request(
        target.method, location, headers=_headers(target, user_agent), content=target.body or b""
    )
    try:
        answer = await connection.handle_async_request(request)
        watch.status_code = answer.status
        headers = {name.lower(): value for name, value in answer.headers}
        response = Response(
            answer.status,
            headers,
            b"",
            truncated=False,
            certificate_expires=_certificate_expiry(answer),
        )
        if target.follow_redirects and _is_redirect(response):
            return response
        watch.phase = "reading the body"
        return await _read_body(answer, response)
    except httpcore2.RemoteProtocolError as error:
        raise Failure(_broken(error, watch.phase)) from None
    except httpcore2.LocalProtocolError as error:
        raise Failure(f"the request cannot be sent: {error}") from None
    finally:
        await connection.aclose()


def _headers(target: HttpTarget, user_agent: str) -> list[tuple[bytes, bytes]]:
    """Return the headers to send: the target's replace the client's own of the same name."""
    given = {name.lower() for name, _ in target.headers}
    own = (("Host", target.url.authority), ("User-Agent", user_agent), *_OWN)
    headers = [header for header in own if header[0].lower() not in given]
    headers += [(name, value.strip()) for name, value in target.headers]
    if target.body is not None or target.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(target.body or b""))))
    return [(name.encode(), value.encode()) for name, value in headers]


async def _read_body(answer: httpcore2.Response, response: Response) -> Response:
    """Return `response` with its body, of which at most 1 MiB is read or decompressed."""
    packed = response.headers.get(b"content-encoding", b"").lower()
    # 32: detect gzip or zlib by the header.
    inflate = zlib.decompressobj(32 + zlib.MAX_WBITS) if packed in (b"gzip", b"deflate") else None
    body = bytearray()
    begun = False
    assert isinstance(answer.stream, AsyncIterable)
    # Close it at the limit as well: otherwise the event loop would have to do so later.
    async with aclosing(cast("AsyncGenerator[bytes]", aiter(answer.stream))) as parts:
        async for part in parts:
            begun = True
            if inflate:
                try:
                    body += inflate.decompress(part, BODY_LIMIT - len(body) + 1)
                except zlib.error:
                    raise Failure("the compressed body is damaged") from None
            else:
                body += part
            if len(body) > BODY_LIMIT:
                if b"content-length" not in response.headers:
                    raise Failure("body did not end within 1 MiB")
                return replace(response, body=bytes(body[:BODY_LIMIT]), truncated=True)
    if inflate and begun and not inflate.eof:
        raise Failure("the compressed body is incomplete")
    return replace(response, body=bytes(body))


def _is_redirect(response: Response) -> bool:
    return response.status in _REDIRECTS and b"location" in response.headers


def _next(target: HttpTarget, response: Response) -> HttpTarget:
    """Return the request that a browser would send next (RFC 9110, section 15.4; Fetch, 4.4)."""
    try:
        url = join(target.url, response.headers[b"location"].decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise Failure(f"redirect to an address that cannot be used: {error}") from None
    method, body, headers = target.method, target.body, target.headers
    rewritten = (response.status == 303 and method != "HEAD") or (
        response.status in (301, 302) and method == "POST"
    )
    if rewritten:
        method, body = "GET", None
        headers = tuple(
            header for header in headers if not header[0].lower().startswith("content-")
        )
    if _origin(url) != _origin(target.url):
        headers = tuple(header for header in headers if header[0].lower() in _FOR_ANYBODY)
    return replace(target, url=url, method=method, body=body, headers=headers)


def _origin(url: Url) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port


def _certificate_expiry(answer: httpcore2.Response) -> float | None:
    """Return when the server's verified certificate expires (seconds since the epoch), or None."""
    tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls else None
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None


def _broken(error: httpcore2.RemoteProtocolError, phase: str) -> str:
    """Return a plain reason for a response that is not HTTP or is incomplete."""
    text = str(error)
    if phase == "reading the body" and "closed connection" in text:
        return "connection closed before the body was complete"
    if "disconnected" in text:
        if phase == "reading the headers":
            return "connection closed before the headers were complete"
        return "connection closed without an answer"
    if "buffer too long" in text:
        return "the headers are longer than 100 KiB"
    # After the colon, the text quotes the bytes.
    return f"not HTTP: {text.partition(':')[0]}"
