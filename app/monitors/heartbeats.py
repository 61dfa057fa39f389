"""/ping/TOKEN: a job says that it has run."""

import re
from typing import Literal, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access import requires
from app.api.problems import documented, problem_response
from app.database import DatabaseUnavailable
from app.errors import NotFoundError
from app.monitors.pings import PingWriter, TokenLimited

# The token in the path is what lets a job in.
router = APIRouter(tags=["heartbeats"], dependencies=[requires("public")])

# What monitors have been given: 24 random bytes.
_PATH = re.compile(r"/ping/([A-Za-z0-9_-]{32})", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST"})


class _Route(NamedTuple):
    path: str


_ROUTE = _Route("/ping/{token}")


class Pong(BaseModel):
    """It has been noted."""

    status: Literal["ok"] = "ok"


_PONG = Pong().model_dump_json().encode()


class PingMiddleware:
    """ASGI middleware: notes heartbeats, before anything looks at a request that need not.

    Thousands come a second, and all that they have is a token: routing, reading parameters and
    checks of bodies and origins took as long as the rest. The routes below describe it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        # It is not routed, but counted as if it were.
        scope["route"] = _ROUTE
        response = await _note(scope["app"].state.ping_writer, found[1])
        await response(scope, receive, send)


async def _note(writer: PingWriter, token: str) -> Response:
    try:
        await writer.note(token)
    except NotFoundError as error:
        return problem_response(404, str(error))
    except TokenLimited as refused:
        wait = str(refused.hits.reset)
        detail = f"Too many calls of this token; try again in {wait} s."
        return problem_response(429, detail, headers={"Retry-After": wait})
    except DatabaseUnavailable:
        detail = "The heartbeat is not stored; send it again soon."
        return problem_response(503, detail, headers={"Retry-After": "5"})
    return Response(_PONG, media_type="application/json")


@router.get("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_get")
@router.post("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_post")
async def ping(token: str) -> Pong:  # noqa: ARG001  (a part of the path)
    """Note a heartbeat. The body is not read. Paused monitors note it too."""
    # It comes here when it is no token at all. A token is a password, and never shown.
    raise NotFoundError("There is no monitor with this token.")
