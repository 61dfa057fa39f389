"""A limit for request bodies, enforced before any of them is parsed."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.authentication import REALM, WANTED, key_of
from app.api.problems import problem_response

MAX_BODY_BYTES = 64 * 1024
# A thousand monitors, most of which have about 300 bytes; and about 20,000 as YAML without their
# defaults, which is as much as Nginx lets through. The command line accepts more.
LARGER: Mapping[str, int] = {
    "/api/monitors/bulk": 2 * 1024 * 1024,
    "/api/config": 4 * 1024 * 1024,
    "/api/config/diff": 4 * 1024 * 1024,
}


class BodyLimitMiddleware:
    """ASGI middleware: 413 for a body of more than `limit` bytes, or the path's limit in `larger`.

    A declared length is refused at once. A chunked body without one is counted as it arrives, so
    that a client can't fill the memory by omitting the length. Where keys are required, paths in
    `larger` answer 401 without one: a route reads its body before it checks the key, and unknown
    clients must not have megabytes of JSON read.
    """

    def __init__(
        self, app: ASGIApp, limit: int = MAX_BODY_BYTES, larger: Mapping[str, int] = LARGER
    ) -> None:
        self.app = app
        self.limit = limit
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.limit)
        if limit > self.limit and scope["app"].state.keys_required and key_of(scope) is None:
            challenge = {"WWW-Authenticate": REALM, "connection": "close"}
            await problem_response(401, WANTED, headers=challenge)(scope, receive, send)
            return
        detail = f"The body must not be larger than {limit} bytes."
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            refusal = problem_response(413, detail, headers={"connection": "close"})
            await refusal(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # Raised where the route's body is read, and answered like its other errors.
                raise HTTPException(413, detail, headers={"connection": "close"})
            return message

        await self.app(scope, counted, send)
