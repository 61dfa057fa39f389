"""One HTTP request and its response over one connection."""

import asyncio
from time import perf_counter
from typing import cast

from app.probing.answer import Answer
from app.probing.result import CheckerFault, Stopwatch, added, explain

# Bytes parsed for one connection before the others get their turn. A one-byte chunk takes six bytes
# on the wire and one callback, so this is at most 2,700 callbacks, a few milliseconds.
READ_SIZE = 16 * 1024


class HttpProtocol(asyncio.BufferedProtocol):
    """Sends `request` and passes what comes back to `answer`, until that is finished.

    It reads into `buffer`, which all connections of a loop can share because its content is parsed
    before the loop reads again. With `tls`, the caller calls `begin_tls` when the handshake begins
    and `send` when it is complete. The caller must always call `close`.
    """

    __slots__ = ("_buffer", "_loop", "_request", "_sent", "_tls", "_watch", "answer", "transport")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        request: bytes,
        answer: Answer,
        watch: Stopwatch,
        *,
        tls: bool,
    ) -> None:
        self.answer = answer
        self.transport: asyncio.Transport | None = None
        self._loop = loop
        self._buffer = buffer
        self._request = request
        self._watch = watch
        self._tls = tls
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request, unless TLS comes first."""
        # A cast, because uvloop's transports are not derived from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        if not self._tls:
            self.send()

    def begin_tls(self) -> None:
        """Treat data from now on as protected; raise Failure if any arrived earlier.

        The loop may already read between the connection and the handshake, and what a server sends
        then must not be taken for its response.
        """
        failure = self.answer.failure
        if failure is not None:
            raise type(failure)(failure.reason)
        self._tls = False

    def send(self) -> None:
        """Send the request; for TLS, once `transport` is the secured one."""
        assert self.transport is not None
        self._watch.phase = "waiting for the first byte"
        self._sent = perf_counter()
        self.transport.write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the loop reads to."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Parse what has been read."""
        answer = self.answer
        if answer.finished:
            return
        if self._tls:
            answer.fail("TLS: the server does not speak TLS on this port")
            return
        if not answer.received:
            watch = self._watch
            watch.first_byte_ms = added(watch.first_byte_ms, self._sent or perf_counter())
            watch.phase = "reading the headers"
        answer.feed(self._buffer[:size])
        if size == len(self._buffer) and not answer.finished:
            self._give_way()

    def eof_received(self) -> None:
        """Judge what has arrived: the server will send no more."""
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Judge what has arrived: the connection is gone."""
        self._ended(error)

    def close(self) -> None:
        """Drop the connection at once, whatever state it is in."""
        self.answer.close()
        if self.transport is not None:
            self.transport.abort()

    def _give_way(self) -> None:
        """Continue reading in the loop's next iteration.

        There is more to read, and uvloop would read up to 32 times before it lets others run.
        """
        assert self.transport is not None
        self.transport.pause_reading()
        self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if not self.answer.finished and self.transport is not None:
            self.transport.resume_reading()

    def _ended(self, error: Exception | None) -> None:
        answer = self.answer
        if answer.finished:
            return
        broken = explain(error) if isinstance(error, OSError) else None
        if isinstance(broken, CheckerFault):
            answer.finish(broken)
        elif self._tls:
            answer.fail("TLS: the server closed the connection during the handshake")
        else:
            answer.end(broken.reason if broken is not None else None)
