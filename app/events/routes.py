"""GET /api/events: a stream of changes as they happen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api.access import IsPublic, requires
from app.api.authentication import bearer, key_of
from app.api.dependencies import DatabaseDep
from app.api.event_stream import EventStream
from app.api.problems import documented
from app.checks.following import FollowedChecks
from app.database import DatabaseUnavailable
from app.events.hub import Hub, Subscriber
from app.keys.keyring import KeyRefused, Keyring
from app.monitors.service import find

router = APIRouter(tags=["events"], dependencies=[requires("public")])

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, until the client closes the connection.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "event: resync\ndata: {}\n\n",
            }
        },
    }
}


@router.get(
    "/api/events", response_class=Response, responses=_STREAM | documented(404, 422, 429, 503)
)
async def events(
    request: Request,
    database: DatabaseDep,
    is_public: IsPublic,
    monitor_id: Annotated[int | None, Query(description="Send this monitor's checks too.")] = None,
) -> EventStream:
    """Stream server-sent events. The data of all events is JSON.

    `resync` is sent first, and whenever events may be missing: read everything again. `state`:
    `{monitor_id, name, state, since, error}`. `incident`: an incident, with the `action` opened,
    closed or acknowledged. `config`: `{monitor_id}`, or null for several: the configuration has
    changed. With `monitor_id`, also `check`: a check of that monitor, which may have been read
    already. A comment line is sent every 15 seconds. Without a key, errors and causes are only
    summarized; with one, the stream ends soon after the key expires or is revoked.
    """
    if monitor_id is not None:
        async with database.transaction() as session:
            await find(session, monitor_id)
    hub: Hub = request.app.state.hub
    followed: FollowedChecks = request.app.state.followed_checks

    @asynccontextmanager
    async def subscribe() -> AsyncIterator[Subscriber]:
        async with hub.subscribed(monitor_id, is_public=is_public) as subscriber:
            if monitor_id is None:
                yield subscriber
            else:
                async with followed.following(monitor_id):
                    yield subscriber

    token = bearer(request.headers) if key_of(request.scope) else None
    return EventStream(subscribe, None if token is None else partial(_is_allowed, request, token))


async def _is_allowed(request: Request, token: str) -> bool:
    keyring: Keyring = request.app.state.keyring
    try:
        await keyring.find(token)
    except KeyRefused:
        # The key is no longer valid, so the stream ends.
        return False
    except DatabaseUnavailable:
        # The key can't be checked now, and there are no events to send either.
        return True
    return True
