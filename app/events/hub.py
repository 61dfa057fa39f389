"""Forward published events to this process's clients, each at its own pace."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from app.events.publishing import CHANNEL
from app.listener import Listener
from app.metrics.definitions import STREAMS

log = logging.getLogger(__name__)

# Frames that wait for a client. One that does not keep up must read everything again anyway.
MAX_FRAMES = 200
# Seconds without an event after which a comment is sent: proxies close silent connections after a
# minute, and a client that has gone away is noticed only by writing to it.
COMMENT_SECONDS = 15.0

COMMENT = b": still here\n\n"
RESYNC = b"event: resync\ndata: {}\n\n"

_PUBLISHED = frozenset({"state", "incident", "config"})

Publicly = Callable[[dict[str, Any]], dict[str, Any]]


class TooManyStreams(Exception):
    """A process has the maximum number of clients already."""


class Subscriber:
    """The events to be sent to one client, and the monitor whose checks it wants, if any.

    `is_public`: the client gets only public data.
    """

    def __init__(self, monitor_id: int | None, *, is_public: bool = False) -> None:
        self.monitor_id = monitor_id
        self.is_public = is_public
        self._frames: list[bytes] = []
        self._arrived = asyncio.Event()
        self._ended = False

    def put(self, frame: bytes) -> None:
        """Queue a frame. When too many are waiting, send a resync in place of them."""
        if len(self._frames) >= MAX_FRAMES:
            self._frames.clear()
            frame = RESYNC
        if frame is not RESYNC or self._frames[-1:] != [RESYNC]:
            self._frames.append(frame)
        self._arrived.set()

    def end(self) -> None:
        """End the stream, even if frames are waiting."""
        self._ended = True
        self._arrived.set()

    async def read(self) -> bytes:
        """Wait for the bytes to send next: frames, or a comment; empty when the stream ends."""
        try:
            async with asyncio.timeout(COMMENT_SECONDS):
                await self._arrived.wait()
        except TimeoutError:
            # No event: the comment keeps proxies from closing the connection as dead.
            return COMMENT
        if self._ended:
            return b""
        self._arrived.clear()
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames


class Hub:
    """The clients of this process, at most `limit`.

    While it has clients, it listens to PostgreSQL on its own connection. Whenever that connection
    is established, including after a loss, all clients are sent a resync. `publicly` returns an
    event's data as the public may see it.
    """

    def __init__(self, database_url: str, *, limit: int, publicly: Publicly) -> None:
        self._url = database_url
        self._limit = limit
        self._publicly = publicly
        self._subscribers: set[Subscriber] = set()
        self._listener: Listener | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    @asynccontextmanager
    async def subscribed(
        self, monitor_id: int | None = None, *, is_public: bool = False
    ) -> AsyncIterator[Subscriber]:
        """Register a client until the end of the block. Raises TooManyStreams."""
        if len(self._subscribers) >= self._limit:
            raise TooManyStreams
        subscriber = Subscriber(monitor_id, is_public=is_public)
        self._subscribers.add(subscriber)
        STREAMS.set(len(self._subscribers))
        if self._listener is None:
            self._listener = Listener(
                self._url, CHANNEL, on_message=self._on_message, on_connection=self._resync
            )
        elif self._listener.listening:
            # Otherwise once it listens: what a client reads before that may miss a change.
            subscriber.put(RESYNC)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)
            STREAMS.set(len(self._subscribers))
            if not self._subscribers:
                listener, self._listener = self._listener, None
                if listener is not None:
                    await listener.close()

    def send_check(self, monitor_id: int, check: BaseModel) -> None:
        """Send a check of a monitor to the clients that follow it."""
        followers = [one for one in self._subscribers if one.monitor_id == monitor_id]
        self._send("check", {"monitor_id": monitor_id} | check.model_dump(), followers)

    def _resync(self) -> None:
        for subscriber in self._subscribers:
            subscriber.put(RESYNC)

    def _send(self, kind: str, data: dict[str, Any], subscribers: Iterable[Subscriber]) -> None:
        # Each frame is built once for all clients that get the same data.
        frames: dict[bool, bytes] = {}
        for subscriber in subscribers:
            public = subscriber.is_public
            if public not in frames:
                frames[public] = frame(kind, self._publicly(data) if public else data)
            subscriber.put(frames[public])

    def _on_message(self, payload: str) -> None:
        try:
            events = [(kind, data) for kind, data in json.loads(payload)]
        except (ValueError, TypeError):
            log.warning("message not understood, so all clients reload everything: %.100r", payload)
            events = [("resync", {})]
        for kind, data in events:
            if kind == "resync":
                self._resync()
            elif kind in _PUBLISHED:
                self._send(kind, data, self._subscribers)


def frame(kind: str, data: dict[str, Any]) -> bytes:
    """Return an event as it is sent. JSON has no line breaks, which would end it."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), to_json(data))
