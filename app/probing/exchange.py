"""One HTTP request and its answer over one connection."""

import asyncio
from time import perf_counter
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from app.probing.body import BODY_LIMIT, COMPRESSIONS, Body
from app.probing.failure import Failure, describe
from app.probing.stopwatch import Stopwatch, added

HEADERS_LIMIT = 64 * 1024
# Chunks of a byte each have six bytes of framing; beyond that, it is a game.
WIRE_LIMIT = 8 * BODY_LIMIT
REDIRECTS = frozenset({301, 302, 303, 307, 308})

_WITHOUT_BODY = frozenset({101, 204, 304})
_WANTED = frozenset(
    {
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"location",
        b"retry-after",
        b"transfer-encoding",
    }
)


class Exchange(asyncio.Protocol):
    """Sends `request` and reads the answer, until it is complete or has proved wrong.

    `done` is set then; `failure` says what is wrong. It buffers nothing but the part of the body
    that is kept. Whoever made it calls `close` in any case.
    """

    __slots__ = (
        "_body_size",
        "_follow",
        "_head",
        "_head_size",
        "_keep",
        "_parser",
        "_received",
        "_request",
        "_sent",
        "_tls",
        "_watch",
        "body",
        "done",
        "failure",
        "finished",
        "headers",
        "status",
        "transport",
        "truncated",
    )

    def __init__(
        self,
        done: "asyncio.Future[None]",
        request: bytes,
        watch: Stopwatch,
        *,
        tls: bool = False,
        head: bool = False,
        follow: bool = False,
        keep: bool = False,
    ) -> None:
        self.done = done
        self.failure: str | None = None
        self.finished = False
        self.headers: dict[bytes, bytes] = {}
        self.status = 0
        self.truncated = False
        self.body: Body | None = None
        self.transport: asyncio.Transport | None = None
        self._request = request
        self._watch = watch
        self._tls = tls
        self._head = head
        self._follow = follow
        self._keep = keep
        self._received = 0
        self._head_size = 0
        self._body_size = 0
        self._sent = 0.0
        parser = HttpResponseParser(self)
        # Servers at the edge of the standard that every browser reads.
        parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._parser: HttpResponseParser | None = parser

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request, unless TLS comes first."""
        # A cast, for uvloop's transports derive from nothing of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        if not self._tls:
            self.send()

    def begin_tls(self) -> None:
        """Take what comes from now on as protected; raise Failure if something came before.

        Between the connection and the handshake the loop may read already, and what a server says
        then must not be taken for its answer.
        """
        if self.failure is not None:
            raise Failure(self.failure)
        self._tls = False

    def send(self) -> None:
        """Send the request; for TLS, once `transport` is the secured one."""
        assert self.transport is not None
        self._watch.phase = "waiting for the first byte"
        self._sent = perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within the limits."""
        parser = self._parser
        if self.finished or parser is None:
            return
        if self._tls:
            self._fail("TLS: the server does not speak TLS on this port")
            return
        if not self._received:
            watch = self._watch
            watch.first_byte_ms = added(watch.first_byte_ms, self._sent or perf_counter())
            watch.phase = "reading the headers"
        self._received += len(data)
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            pass
        except HttpParserError as error:
            self._fail(f"not HTTP: {error}")
        if self.finished:
            return
        if not self.status:
            if self._received > HEADERS_LIMIT:
                self._fail("the headers are longer than 64 KiB")
        elif self._received > WIRE_LIMIT:
            self._fail("body did not end within 1 MiB")

    def eof_received(self) -> None:
        """Judge what is there: the server has no more to say."""
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Judge what is there: the connection is gone."""
        self._ended(error)

    def close(self) -> None:
        """Drop the connection at once, whatever state it is in."""
        self.finished = True
        # The two refer to each other.
        self._parser = None
        if self.transport is not None:
            self.transport.abort()

    # The parser's callbacks. They raise nothing: what passes through the parser comes out as
    # another error.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the headers that matter; what comes after the body is no header."""
        name = name.lower()
        self._head_size += len(name) + len(value) + 4
        if name in _WANTED and not self.status:
            self.headers[name] = value

    def on_headers_complete(self) -> None:
        """Decide what to do with the body."""
        if self.finished or self._parser is None:
            return
        status: int = self._parser.get_status_code()
        if status < 200 and status != 101:
            return
        # They may all have come at once, together with the body.
        if self._head_size > HEADERS_LIMIT:
            self._fail("the headers are longer than 64 KiB")
            return
        self.status = self._watch.status_code = status
        headers = self.headers
        if self._head or status in _WITHOUT_BODY or (self._follow and self.redirected):
            self._finish()
            return
        self._watch.phase = "reading the body"
        encoding = headers.get(b"content-encoding", b"").lower()
        if self._keep or encoding in COMPRESSIONS:
            self.body = Body(encoding, self._keep)

    def on_body(self, data: bytes) -> None:
        """Take a part of the body, within the limits."""
        if self.finished:
            return
        self._body_size += len(data)
        if self.body is not None:
            try:
                self.body.feed(data)
            except Failure as failure:
                self._fail(failure.reason)
                return
        if self._body_size > BODY_LIMIT:
            self.truncated = True
            if b"content-length" in self.headers:
                self._finish()
            else:
                self._fail("body did not end within 1 MiB")

    def on_message_complete(self) -> None:
        """Take the end of an answer."""
        if self.status:
            self._complete()
        else:
            # An informational answer; the real one follows.
            self.headers.clear()

    # The end

    @property
    def redirected(self) -> bool:
        """Whether the answer sends the client elsewhere."""
        return self.status in REDIRECTS and b"location" in self.headers

    def _complete(self) -> None:
        if self.finished:
            return
        if self.body is not None:
            try:
                self.body.end()
            except Failure as failure:
                self._fail(failure.reason)
                return
        self._finish()

    def _ended(self, error: Exception | None) -> None:
        """Judge what has been received when no more will come."""
        if self.finished:
            return
        broken = describe(error) if isinstance(error, OSError) else None
        if self._tls:
            self._fail("TLS: the server closed the connection during the handshake")
        elif not self.status:
            if broken:
                self._fail(broken)
            elif self._received:
                self._fail("connection closed before the headers were complete")
            else:
                self._fail("connection closed without an answer")
        elif broken:
            self._fail(f"{broken} before the body was complete")
        elif self._until_close():
            self._complete()
        else:
            self._fail("connection closed before the body was complete")

    def _until_close(self) -> bool:
        """Tell whether the end of the connection is the end of the body (RFC 9112, 6.3)."""
        coding = self.headers.get(b"transfer-encoding")
        if coding is None:
            return b"content-length" not in self.headers
        return not coding.lower().rstrip().endswith(b"chunked")

    def _fail(self, failure: str) -> None:
        if not self.finished:
            self.failure = failure
            self._finish()

    def _finish(self) -> None:
        self.finished = True
        # It is done already if the check was cancelled in the meantime.
        if not self.done.done():
            self.done.set_result(None)
