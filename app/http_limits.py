"""Limits for a connection whose request is not complete: bytes, time and number."""

import asyncio
import itertools
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of request line and headers, and of the framing of a body (chunk headers, trailers).
# Nginx allows 8 KiB a line and 32 KiB in all.
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
# Seconds from the first byte, or from the connection, until the request has arrived with its body:
# 64 KiB at most, so 4 KiB a second.
REQUEST_SECONDS = 15.0
# Seconds for which a response may be stuck because the client does not read it.
SEND_SECONDS = 15.0


# In a request's `state`: a function that ends its response, if that could go on indefinitely.
END_AT_SHUTDOWN = "end_at_shutdown"

# The order in which connections began to wait. The event loop's clock does not show it, because it
# is the same for all that arrive in one turn.
_turns = itertools.count()


class _Refused(Exception):
    """Raised to stop parsing; the response's status is in the protocol's `refusal`."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol on httptools, with the limits that it lacks.

    httptools joins a header's pieces until it is complete, which takes quadratic time, and
    Uvicorn's only timeout starts after a response: 95 MiB of headers blocked all clients for
    seconds, and connections that sent nothing stayed open forever. `limit_concurrency` is used as
    the number of connections. Beyond it, the connection whose request has been incomplete for the
    longest time is closed, whereas Uvicorn would answer 503 to every client.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.max_connections = self.limit_concurrency
        self.limit_concurrency = None
        self.refusal = HTTPStatus.BAD_REQUEST
        self._head_bytes = 0
        self._idle_bytes = 0
        self.waiting: asyncio.TimerHandle | None = None
        self.waiting_since = 0
        self._stuck: asyncio.TimerHandle | None = None
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as Uvicorn has it
        self._wait()
        if self.max_connections is not None and len(self.connections) > self.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_being_stuck()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._wait()
        self._idle_bytes += len(data)
        super().data_received(data)
        # The parser holds back incomplete data, so no callback has seen it yet.
        if self._idle_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")

    def leave(self) -> None:
        """Announce the next response as the last one; an idle connection is left to its client.

        A server that closes an idle connection may do so while the next request is on its way.
        Here the client closes it instead, so no request that was sent is lost. A stream is ended at
        once.
        """
        self._leaving = True
        self._end_stream()
        # Once a response's head has been sent, it is too late to announce it.
        if self._is_answering() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """End a stream at once when the server stops; other responses are completed."""
        self._end_stream()
        super().shutdown()

    def pause_writing(self) -> None:
        """Limit the time for which a response is stuck because the client does not read it."""
        super().pause_writing()
        self._stuck = self.loop.call_later(SEND_SECONDS, self._break_off)

    def resume_writing(self) -> None:
        self._stop_being_stuck()
        super().resume_writing()

    def on_message_begin(self) -> None:
        self._wait()
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        self._idle_bytes = 0
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._idle_bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Send `refusal` as problem details and close. Also called for invalid requests."""
        if not self._is_answering():
            self.transport.write(_answer(self.refusal))
        self.transport.close()

    def _count(self, number: int) -> None:
        self._head_bytes += number
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _Refused

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_stream(self) -> None:
        end = self.cycle.scope["state"].get(END_AT_SHUTDOWN) if self._is_answering() else None
        if end is not None:
            end()
            if self._stuck is not None:
                # The client does not read, so the stream would not reach its end either.
                self.transport.abort()

    def _wait(self) -> None:
        if self.waiting is None:
            self.waiting_since = next(_turns)
            self.waiting = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def _stop_being_stuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _break_off(self) -> None:
        self.transport.abort()
        # Uvicorn notifies only the last request of a pipeline that the client has disconnected.
        self.cycle.disconnected = True
        self.pipeline.clear()

    def _give_up(self) -> None:
        self.waiting = None
        if self._idle_bytes:
            self.refusal = HTTPStatus.REQUEST_TIMEOUT
            self.send_400_response("")
        self.transport.close()

    def _make_room(self) -> None:
        # Closed connections stay in the set until the event loop has called connection_lost.
        left = [other for other in self.connections if not other.transport.is_closing()]
        if self.max_connections is None or len(left) <= self.max_connections:
            return
        waiting = [
            other
            for other in left
            if isinstance(other, LimitedHttpProtocol) and other.waiting is not None
        ]
        # This connection is among them, and is closed if all others are being served.
        min(waiting, key=lambda other: other.waiting_since).transport.abort()


def _answer(status: HTTPStatus) -> bytes:
    details = {"type": "about:blank", "title": status.phrase, "status": status.value}
    body = json.dumps(details | {"detail": f"{status.description or status.phrase}."}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
