"""Server-sent events: a response without an end (WHATWG HTML, 9.2)."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.problems import Problem
from app.events.hub import Subscriber, TooManyStreams
from app.http_limits import END_AT_SHUTDOWN

# Milliseconds until a client that lost its stream reconnects. Random, so that clients do not all
# reconnect at once after a restart.
RETRY_MS = (1000, 5000)
# Seconds after which another stream may be possible again.
FULL_SECONDS = 30
# Seconds between two checks whether a client may still receive the stream.
ASK_SECONDS = 5.0


class EventStream(Response):
    """Sends what `subscribe` yields until that ends, the client leaves or the server stops.

    It also ends when `is_allowed`, if given, returns false: a key may be revoked meanwhile.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        subscribe: Callable[[], AbstractAsyncContextManager[Subscriber]],
        is_allowed: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._subscribe = subscribe
        self._is_allowed = is_allowed
        self.status_code = 200
        self.background = None
        # Neither Nginx nor any other cache or proxy may buffer what is sent.
        self.init_headers({"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response. Raises Problem, before sending, if there are too many streams."""
        try:
            async with self._subscribe() as subscriber:
                await self._stream(subscriber, scope, receive, send)
        except TooManyStreams:
            headers = {"Retry-After": str(FULL_SECONDS)}
            raise Problem(503, "Too many live streams; try again later.", headers=headers) from None

    async def _stream(
        self, subscriber: Subscriber, scope: Scope, receive: Receive, send: Send
    ) -> None:
        scope.setdefault("state", {})[END_AT_SHUTDOWN] = subscriber.end
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        retry = b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311  (no secret)
        await send({"type": "http.response.body", "body": retry, "more_body": True})
        watching = [asyncio.create_task(_end_when_it_leaves(receive, subscriber))]
        if self._is_allowed is not None:
            watching.append(asyncio.create_task(_end_unless(self._is_allowed, subscriber)))
        try:
            while frames := await subscriber.read():
                await send({"type": "http.response.body", "body": frames, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for task in watching:
                task.cancel()
            # Wait until they have ended; being cancelled is not an error.
            await asyncio.gather(*watching, return_exceptions=True)


async def _end_when_it_leaves(receive: Receive, subscriber: Subscriber) -> None:
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        # Also when the request's body is too long.
        subscriber.end()


async def _end_unless(is_allowed: Callable[[], Awaitable[bool]], subscriber: Subscriber) -> None:
    try:
        allowed = True
        while allowed:
            await asyncio.sleep(ASK_SECONDS)
            allowed = await is_allowed()
    finally:
        subscriber.end()
