"""GET /api/events: a stream of changes as they happen."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.event_stream import EventStream
from app.api.problems import documented
from app.events.hub import Hub

router = APIRouter(tags=["events"])

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


@router.get("/api/events", response_class=Response, responses=_STREAM | documented(429, 503))
async def events(request: Request) -> EventStream:
    """Stream server-sent events. The data of all events is JSON.

    `resync` is sent first, and whenever events may be missing: read everything again. `state`:
    `{monitor_id, name, state, since, error}`. `incident`: an incident, with the `action` opened,
    closed or acknowledged. `config`: `{monitor_id}`, or null for several: the configuration has
    changed. A comment line is sent every 15 seconds.
    """
    hub: Hub = request.app.state.hub
    return EventStream(hub.subscribed)
