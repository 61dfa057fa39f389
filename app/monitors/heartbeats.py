"""/ping/TOKEN: a job reports that it has run."""

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

# The token in the path is the job's authorisation.
router = APIRouter(tags=["heartbeats"], dependencies=[requires("public")])

# The form of all tokens: 24 random bytes.
_PATH = re.compile(r"/ping/([A-Za-z0-9_-]{32})", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST"})


class _Route(NamedTuple):
    path: str


_ROUTE = _Route("/ping/{token}")


class Pong(BaseModel):
    """The heartbeat is stored."""

    status: Literal["ok"] = "ok"


_PONG = Pong().model_dump_json().encode()


class PingMiddleware:
    """ASGI middleware: stores heartbeats before any other processing of the request.

    Thousands arrive per second, and a token is all they carry: routing, parsing parameters and
    checking bodies and origins took as long as the rest. The routes below document it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        # It is not routed, but the metrics count it as if it were.
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
        detail = f"Too many calls with this token; try again in {wait} s."
        return problem_response(429, detail, headers={"Retry-After": wait})
    except DatabaseUnavailable:
        detail = "The heartbeat was not stored; send it again soon."
        return problem_response(503, detail, headers={"Retry-After": "5"})
    return Response(_PONG, media_type="application/json")


@router.get("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_get")
@router.post("/ping/{token}", responses=documented(404, 429, 503), operation_id="ping_post")
async def ping(token: str) -> Pong:  # noqa: ARG001  (a part of the path)
    """Report a heartbeat. The body is ignored. Paused monitors accept heartbeats, too."""
    # Reached only if this is not a token at all. Never show it: a token is a password.
    raise NotFoundError("There is no monitor with this token.")
