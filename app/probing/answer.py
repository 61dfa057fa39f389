"""Parses an HTTP response as it arrives, within limits."""

import asyncio

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from app.probing.body import BODY_LIMIT, COMPRESSIONS, Body
from app.probing.result import CheckerFault, Failure, Stopwatch

HEADERS_LIMIT = 64 * 1024
# Only the first BODY_LIMIT of a body is examined, but without a Content-Length only its end shows
# that it is complete. Pages of a few MiB are sent like that.
END_LIMIT = 4 * BODY_LIMIT
# Includes framing and extensions; a body that takes more is designed to keep the reader busy.
WIRE_LIMIT = 2 * END_LIMIT
# The same for chunks: at this number, the chunks of a body of 1 MiB have 64 bytes.
PARTS_LIMIT = 16 * 1024
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


class Answer:
    """Reads one response until it is complete or turns out to be invalid; does no I/O.

    `done` is set then; `failure` says what is wrong. `head`: this is the response to HEAD.
    `follow`: a redirect's body does not matter. `keep`: the content of the body is wanted.
    """

    __slots__ = (
        "_body_size",
        "_follow",
        "_head",
        "_head_size",
        "_keep",
        "_parser",
        "_parts",
        "_watch",
        "body",
        "cookies",
        "done",
        "failure",
        "finished",
        "headers",
        "received",
        "status",
        "truncated",
    )

    def __init__(
        self,
        done: "asyncio.Future[None]",
        watch: Stopwatch,
        *,
        head: bool,
        follow: bool,
        keep: bool,
    ) -> None:
        self.done = done
        self.failure: Failure | CheckerFault | None = None
        self.finished = False
        self.headers: dict[bytes, bytes] = {}
        self.cookies: list[bytes] = []
        self.received = 0
        self.status = 0
        self.truncated = False
        self.body: Body | None = None
        self._watch = watch
        self._head = head
        self._follow = follow
        self._keep = keep
        self._head_size = 0
        self._body_size = 0
        self._parts = 0
        parser = HttpResponseParser(self)
        # Tolerate servers that bend the standard but work in every browser. The first three are
        # allowed in responses, but not by this parser's default: folded headers, a length besides
        # chunks, which take precedence, and an interim response with "Connection: close" (RFC 9112,
        # 5.2 and 6.3; RFC 9110, 15.2). They are dangerous only where connections are reused.
        parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_keep_alive=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._parser: HttpResponseParser | None = parser

    @property
    def redirected(self) -> bool:
        """Return whether the response is a redirect."""
        return self.status in REDIRECTS and b"location" in self.headers

    def feed(self, data: memoryview) -> None:
        """Parse the next bytes; anything after the end of the response is ignored."""
        if self._parser is None:
            return
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            # The response is complete; what follows is another protocol and is not read.
            pass
        except HttpParserError as error:
            self.fail(f"not HTTP: {error}")
        if self.finished:
            return
        if not self.status:
            if self.received > HEADERS_LIMIT:
                self.fail("the headers are longer than 64 KiB")
        elif self.received > WIRE_LIMIT:
            self.fail("body did not end within 4 MiB")

    def end(self, broken: str | None) -> None:
        """Judge what has arrived when no more will; `broken` is the reason if that is an error."""
        if self.finished:
            return
        if not self.status:
            if broken:
                self.fail(broken)
            elif self.received:
                self.fail("connection closed before the headers were complete")
            else:
                self.fail("connection closed without an answer")
        elif broken:
            self.fail(f"{broken} before the body was complete")
        elif self._until_close():
            self._complete()
        else:
            self.fail("connection closed before the body was complete")

    def fail(self, reason: str) -> None:
        """Finish with a Failure, unless already finished."""
        if not self.finished:
            self.finish(Failure(reason))

    def finish(self, failure: Failure | CheckerFault | None = None) -> None:
        """Stop reading and wake the waiting check."""
        self.failure = failure
        self.finished = True
        # `done` is set already if the check was cancelled in the meantime.
        if not self.done.done():
            self.done.set_result(None)

    def close(self) -> None:
        """Parse nothing more."""
        self.finished = True
        # The parser and this object refer to each other.
        self._parser = None

    # The parser's callbacks. They must not raise: the parser would turn any exception into a
    # different error.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the headers that matter; ignore anything that follows the body."""
        name = name.lower()
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEADERS_LIMIT:
            self.fail("the headers are longer than 64 KiB")
        elif b"\0" in value:
            self.fail("not HTTP: NUL in a header")
        elif name in _WANTED and not self.status:
            # The parser keeps the whitespace after it (RFC 9110, section 5.5).
            self.headers[name] = value.strip(b" \t")
        elif name == b"set-cookie" and not self.status:
            self.cookies.append(value)

    def on_headers_complete(self) -> None:
        """Decide what to do with the body."""
        if self.finished or self._parser is None:
            return
        status: int = self._parser.get_status_code()
        if status < 200 and status != 101:
            return
        self.status = self._watch.status_code = status
        if self._head or status in _WITHOUT_BODY or (self._follow and self.redirected):
            self.finish()
            return
        self._watch.phase = "reading the body"
        encoding = self.headers.get(b"content-encoding", b"").lower()
        if self._keep or encoding in COMPRESSIONS:
            self.body = Body(encoding, keep=self._keep)

    def on_body(self, data: bytes) -> None:
        """Take the next part of the body, within the limits."""
        if self.finished:
            return
        self._body_size += len(data)
        self._parts += 1
        if self._parts > PARTS_LIMIT:
            self.fail(f"the body comes in more than {PARTS_LIMIT} parts")
            return
        if self.body is not None:
            try:
                self.body.feed(data)
            except Failure as failure:
                self.finish(failure)
                return
        if self._body_size > BODY_LIMIT:
            self.truncated = True
            if b"content-length" in self.headers:
                self.finish()
            elif self._body_size > END_LIMIT:
                self.fail("body did not end within 4 MiB")

    def on_message_complete(self) -> None:
        """Handle the end of a response."""
        if self.status:
            self._complete()
        else:
            # An informational response; the real one follows.
            self.headers.clear()
            self.cookies.clear()

    def _complete(self) -> None:
        if self.finished:
            return
        if self.body is not None:
            try:
                self.body.end()
            except Failure as failure:
                self.finish(failure)
                return
        self.finish()

    def _until_close(self) -> bool:
        """Return whether the body ends where the connection ends (RFC 9112, 6.3)."""
        coding = self.headers.get(b"transfer-encoding")
        if coding is None:
            return b"content-length" not in self.headers
        return not coding.lower().rstrip().endswith(b"chunked")
