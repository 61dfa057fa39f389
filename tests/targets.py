"""Servers on 127.0.0.1 to be checked: they answer well, badly or not at all.

with Targets() as targets:
    targets.url("/ok")                 # HTTP, behaviour by path: see PATHS
    targets.url("/ok", tls="expired")  # good, expired, wrong-name, self-signed, garbage
    targets.ports["refused"]           # raw TCP: see RAW
    targets.ca_pem                     # the authority that "good", "expired", … are signed by
    targets.requests                   # what was asked over HTTP, newest last
"""

import asyncio
import gzip
import itertools
import json
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import trustme

from tests.background import BackgroundServers

MIB = 1024 * 1024


@dataclass
class Asked:
    """A received request; header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


Writer = asyncio.StreamWriter
Answer = Callable[[Asked, Writer], Awaitable[None]]


def answer(
    body: bytes = b"", *, status: str = "200 OK", headers: tuple[str, ...] = (), length: bool = True
) -> bytes:
    """Return a whole HTTP response."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def fixed(response: bytes) -> Answer:
    """Return a behaviour that always sends the same bytes and closes."""

    async def send(asked: Asked, writer: Writer) -> None:
        writer.write(response)

    return send


async def redirect(asked: Asked, writer: Writer) -> None:
    """/redirect?to=URL&status=302."""
    status = asked.query.get("status", "302")
    to = asked.query["to"]
    writer.write(answer(status=f"{status} Moved", headers=(f"Location: {to}",)))


async def redirect_often(asked: Asked, writer: Writer) -> None:
    """/redirect-often?left=N redirects N times, then is fine."""
    left = int(asked.query["left"])
    if left:
        to = f"Location: /redirect-often?left={left - 1}"
        writer.write(answer(status="301 Moved", headers=(to,)))
    else:
        writer.write(answer(b"arrived"))


async def cookie_first(asked: Asked, writer: Writer) -> None:
    """Redirect to the same URL until the request has the cookie."""
    if "seen=1" in asked.headers.get("cookie", ""):
        writer.write(answer(b"arrived"))
    else:
        cookies = ("Set-Cookie: a=b; Path=/; HttpOnly", "Set-Cookie: seen=1; Path=/")
        to = f"Location: {asked.target}"
        writer.write(answer(status="302 Found", headers=(to, *cookies)))


def page(body: bytes) -> bytes:
    """Return the response that is a page."""
    return answer(body, headers=("Content-Type: text/html; charset=utf-8",))


_visits = itertools.count(1)


async def counting(asked: Asked, writer: Writer) -> None:
    """Send a page with a new title on every request."""
    writer.write(page(b"<title>Visitors: %b</title>" % (b"I" * next(_visits))))


async def status(asked: Asked, writer: Writer) -> None:
    """/status?code=503."""
    writer.write(answer(b"x", status=f"{asked.query['code']} Said So"))


async def echo(asked: Asked, writer: Writer) -> None:
    """/echo answers with the request as JSON."""
    told = {"method": asked.method, "headers": asked.headers, "body": asked.body.decode()}
    writer.write(answer(json.dumps(told).encode(), headers=("Content-Type: application/json",)))


async def endless_body(asked: Asked, writer: Writer) -> None:
    """Send a body without a length that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_chunks(asked: Asked, writer: Writer) -> None:
    """Send a chunked body that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def endless_tiny_chunks(asked: Asked, writer: Writer) -> None:
    """Send a chunked body of nothing but framing."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write((b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 64)
        await writer.drain()


async def endless_headers(asked: Asked, writer: Writer) -> None:
    """Send headers that do not end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        writer.write(f"X-{number}: {'y' * 1000}\r\n".encode())
        await writer.drain()


async def endless_header(asked: Asked, writer: Writer) -> None:
    """Send one header that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"y" * 65536)
        await writer.drain()


async def endless_interim(asked: Asked, writer: Writer) -> None:
    """Send informational answers forever."""
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        await writer.drain()


async def byte_a_second(asked: Asked, writer: Writer) -> None:
    """Send a long body, one byte a second."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(1)


async def header_byte_a_second(asked: Asked, writer: Writer) -> None:
    """Send the headers, one byte a second."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def hang(asked: Asked, writer: Writer) -> None:
    """Accept the request and send no response."""
    await asyncio.sleep(3600)


async def stay_open(asked: Asked, writer: Writer) -> None:
    """Answer, but neither close nor read on."""
    writer.write(answer(b"done"))
    await asyncio.sleep(3600)


async def half_close(asked: Asked, writer: Writer) -> None:
    """Answer and close only this direction."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    writer.write_eof()
    await asyncio.sleep(3600)


async def reset_in_body(asked: Asked, writer: Writer) -> None:
    """Reset the connection in the middle of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    await writer.drain()
    await asyncio.sleep(0.05)
    reset(writer)


def reset(writer: Writer) -> None:
    """Close with a reset in place of an orderly end."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _deflated(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


def _gzipped(body: bytes) -> bytes:
    return answer(body, headers=("Content-Encoding: gzip",))


# A mebibyte and a bit that shrinks about 20 times.
_LONG_TEXT = "".join(f"{number * number % 99991} of {number} " for number in range(90_000)).encode()
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

PATHS: dict[str, Answer] = {
    "/ok": fixed(answer(b"all is well")),
    "/json": fixed(answer(b'{"a": {"b": [1, "two", null, true, 2.0]}, "s": "x"}')),
    "/json-nan": fixed(answer(b'{"a": NaN}')),
    "/json-deep": fixed(answer(b"[" * 200_000)),
    "/latin-1": fixed(
        answer("schön".encode("latin-1"), headers=("Content-Type: text/html; charset=iso-8859-1",))
    ),
    "/windows-1252": fixed(
        answer(b"10 \x80", headers=("Content-Type: text/html; charset=iso-8859-1",))
    ),
    "/page": fixed(page(b"<!doctype html><HTML><Title lang=en>\n  All  is well </TITLE>ok")),
    "/page-plain": fixed(page(b"<title>All is well</title>")),
    "/page-counting": counting,
    "/page-dated": fixed(page(b"<title>Today is November 25</title>")),
    "/page-entities": fixed(page(b"<title>Salt &amp; Pepper &#8238;&#0;</title>")),
    "/page-latin-1": fixed(
        answer(
            "<meta charset=latin1><title>Schön</title>".encode("latin-1"),
            headers=("Content-Type: text/html",),
        )
    ),
    "/page-untitled": fixed(page(b"<titlebar>x</titlebar><title></title>")),
    "/page-titles": fixed(page(b"<title>" * 100_000)),
    "/page-refused": fixed(
        answer(
            b"<title>Just a moment</title>",
            status="403 Forbidden",
            headers=("Content-Type: text/html",),
        )
    ),
    "/empty": fixed(answer()),
    "/no-content": fixed(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "/not-modified": fixed(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"),
    "/head": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
    "/until-close": fixed(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
    "/http-1.0": fixed(b"HTTP/1.0 200 OK\r\n\r\nold"),
    "/bare-lf": fixed(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "/chunked": fixed(_CHUNKED + b"4\r\nall \r\n2;x=y\r\nis\r\n0\r\nTrailer: yes\r\n\r\n"),
    "/chunked-cut": fixed(_CHUNKED + b"40\r\nall"),
    "/interim": fixed(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
        + answer(b"finally")
    ),
    "/interim-close": fixed(
        b"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n" + answer(b"finally")
    ),
    "/folded-header": fixed(answer(b"ok", headers=("X-Folded: one\r\n two", "X-More: \x01"))),
    "/chunked-with-length": fixed(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nall i\r\n6\r\ns well\r\n0\r\n\r\n"
    ),
    "/upgrade": fixed(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x00\x01"
    ),
    "/junk-after": fixed(answer(b"good") + b"\x00 and then some junk"),
    "/long": fixed(answer(b"begin" + b"x" * (3 * MIB) + b"end")),
    "/long-chunked": fixed(_CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (2 * MIB, b"x" * (2 * MIB))),
    "/long-until-close": fixed(b"HTTP/1.1 200 OK\r\n\r\nbegin" + b"x" * (3 * MIB) + b"end"),
    "/just-fits": fixed(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MIB),
    "/cut": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"),
    "/cut-headers": fixed(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "/nothing": fixed(b""),
    "/reset-in-body": reset_in_body,
    "/garbage": fixed(b"\x16\x03\x01 what is this? \xff\xfe\r\n\r\n"),
    "/ssh": fixed(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "/bad-length": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"),
    "/two-lengths": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "/invalid-utf-8": fixed(
        b"HTTP/1.1 200 \xff\xfe\xfd\r\nX-Bad: \xff\xfe\xfd\r\n"
        b"Content-Length: 6\r\n\r\n\xff\xfeabc\xfd"
    ),
    "/invalid-utf-8-location": fixed(
        b"HTTP/1.1 302 \xff\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n"
    ),
    "/nul": fixed(b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    "/nul-in-body": fixed(answer(b"a\x00b")),
    "/nul-in-json": fixed(answer(b'{"a": "x\\u0000\\ud800y"}')),
    "/big-headers": fixed(answer(b"ok", headers=tuple(f"X-{n}: {'y' * 900}" for n in range(60)))),
    "/huge-headers": fixed(answer(b"ok", headers=tuple(f"X-{n}: {'y' * 900}" for n in range(90)))),
    "/gzip": fixed(_gzipped(gzip.compress(b"packed and well"))),
    "/brotli": fixed(
        answer(b"\x8b\x02\x80well\x03", headers=("Content-Encoding: br",)),
    ),
    "/gzip-twice": fixed(
        answer(
            gzip.compress(gzip.compress(b"packed and well")),
            headers=("Content-Encoding: gzip, gzip",),
        )
    ),
    "/gzip-long": fixed(_gzipped(gzip.compress(_LONG_TEXT))),
    "/gzip-cut": fixed(_gzipped(gzip.compress(b"packed and well" * 50)[:-12])),
    "/gzip-damaged": fixed(_gzipped(b"not packed at all")),
    "/gzip-bomb": fixed(_gzipped(gzip.compress(b"\0" * (32 * MIB)))),
    "/deflate": fixed(
        answer(_deflated(b"packed and well", 15), headers=("Content-Encoding: deflate",))
    ),
    "/deflate-raw": fixed(
        answer(_deflated(b"packed and well", -15), headers=("Content-Encoding: deflate",))
    ),
    "/status": status,
    "/echo": echo,
    "/redirect": redirect,
    "/redirect-often": redirect_often,
    "/cookie-first": cookie_first,
    "/loop": fixed(answer(status="302 Found", headers=("Location: /loop2",))),
    "/loop2": fixed(answer(status="302 Found", headers=("Location: /loop",))),
    "/redirect-padded": fixed(answer(status="302 Found", headers=("Location: /ok \t",))),
    "/gzip-padded": fixed(
        answer(gzip.compress(b"packed and well"), headers=("Content-Encoding: gzip ",))
    ),
    "/redirect-nowhere": fixed(answer(status="302 Found")),
    "/redirect-slow-body": fixed(
        b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 1000\r\n\r\n"
    ),
    "/endless-body": endless_body,
    "/endless-chunks": endless_chunks,
    "/endless-tiny-chunks": endless_tiny_chunks,
    "/endless-headers": endless_headers,
    "/endless-header": endless_header,
    "/endless-interim": endless_interim,
    "/byte-a-second": byte_a_second,
    "/header-byte-a-second": header_byte_a_second,
    "/hang": hang,
    "/stay-open": stay_open,
    "/half-close": half_close,
}


async def _raw_reset(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.read(1)
    reset(writer)


async def _raw_close(reader: asyncio.StreamReader, writer: Writer) -> None:
    writer.close()


async def _raw_talks_first(reader: asyncio.StreamReader, writer: Writer) -> None:
    writer.write(b"220 mail.test ESMTP\r\n")
    await reader.read()


async def _raw_garbage(reader: asyncio.StreamReader, writer: Writer) -> None:
    await reader.read(1)
    writer.write(b"\x00\xff garbage \xfe" * 50)
    await asyncio.sleep(3600)


async def _raw_silent(reader: asyncio.StreamReader, writer: Writer) -> None:
    await asyncio.sleep(3600)


async def _raw_answers_first(reader: asyncio.StreamReader, writer: Writer) -> None:
    """Answers before it has read the request, of which it reads nothing."""
    writer.write(answer(b"too large", status="413 Content Too Large"))
    await asyncio.sleep(3600)


RAW = {
    "reset": _raw_reset,
    "close": _raw_close,
    "talks-first": _raw_talks_first,
    "garbage": _raw_garbage,
    "silent": _raw_silent,
    "answers-first": _raw_answers_first,
}


class Targets(BackgroundServers):
    """All of them, on free ports."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.requests: list[Asked] = []
        self._servers: list[asyncio.Server] = []
        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        now = datetime.now(UTC)
        names = ("localhost", "127.0.0.1", "good.test", "::1")
        self._certificates = {
            "good": authority.issue_cert(*names, not_after=now + timedelta(days=10, hours=1)),
            "expired": authority.issue_cert(
                *names,
                not_before=now - timedelta(days=9),
                not_after=now - timedelta(days=2),
            ),
            "wrong-name": authority.issue_cert("other.test"),
            "self-signed": trustme.CA().issue_cert(*names),
        }

    def url(self, path: str = "/ok", *, tls: str | None = None, host: str = "127.0.0.1") -> str:
        """Return the URL of a behaviour."""
        scheme = "https" if tls else "http"
        return f"{scheme}://{host}:{self.ports[tls or 'http']}{path}"

    async def start(self) -> None:
        await self._open("http", self._serve_http)
        for name, certificate in self._certificates.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            await self._open(name, self._serve_http, context)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificates["good"].configure_cert(context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        await self._open("old-cipher", self._serve_http, context)
        for name, serve in RAW.items():
            await self._open(name, serve)
        # Bound, so that no other program gets the port, but not listening.
        self._unheard = socket.socket()
        self._unheard.bind(("127.0.0.1", 0))
        self.ports["refused"] = self._unheard.getsockname()[1]

    async def stop(self) -> None:
        self._unheard.close()
        for server in self._servers:
            server.close()

    async def _open(
        self,
        name: str,
        serve: Callable[[asyncio.StreamReader, Writer], Awaitable[None]],
        context: ssl.SSLContext | None = None,
    ) -> None:
        async def safely(reader: asyncio.StreamReader, writer: Writer) -> None:
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                # The client has disconnected.
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(safely, "127.0.0.1", 0, ssl=context, backlog=1024)
        self._servers.append(server)
        self.ports[name] = server.sockets[0].getsockname()[1]

    async def _serve_http(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8")
        first, *lines = head.split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(method, target, headers, body)
        self.requests.append(asked)
        behave = PATHS.get(urlsplit(target).path, fixed(answer(status="404 Not Found")))
        await behave(asked, writer)
