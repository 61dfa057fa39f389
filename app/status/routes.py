"""The data of public pages: all monitors at a glance, their days, a badge and a feed."""

import re
from datetime import UTC
from email.utils import format_datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from app.api.access import requires
from app.api.conditional import CACHEABLE, accepts_gzip, conditional
from app.api.dependencies import BaseUrl, CachedSummaryDep, Session
from app.api.problems import documented
from app.checks.uptime import Window
from app.fields import MAX_ID, Line
from app.monitors.errors import MonitorNotFoundError
from app.status.badge import NOT_FOUND, state_badge, uptime_badge
from app.status.feed import feed
from app.status.history import History, history
from app.status.summary import Summary

router = APIRouter(
    tags=["status"], dependencies=[requires("public")], responses=documented(429, 503)
)

# 1 to 100 monitor ids.
Ids = Annotated[
    str, Query(pattern=r"^[0-9]{1,10}(,[0-9]{1,10}){0,99}$", examples=["1,2,3"], max_length=1100)
]


@router.get("/api/status", response_model=Summary, responses=CACHEABLE)
async def status(request: Request, cached: CachedSummaryDep) -> Response:
    """Summarize all monitors. The header X-Cache names the source: hit, miss or bypass."""
    body, source = await cached.get()
    headers = {"X-Cache": source, "Vary": "Accept-Encoding"}
    content = body.plain
    if accepts_gzip(request.headers):
        content = body.gzipped
        headers["Content-Encoding"] = "gzip"
    return conditional(
        request,
        content,
        media_type="application/json",
        digest=body.digest.decode(),
        # A proxy may serve it to all for a second, and for some more while it requests a new one.
        cache_control="public, max-age=1, stale-while-revalidate=5",
        headers=headers,
    )


@router.get("/api/status/history", response_model=History, responses=documented(422) | CACHEABLE)
async def status_history(request: Request, ids: Ids, session: Session) -> Response:
    """Return ninety days of up to 100 monitors; ids that do not exist are left out."""
    found = await history(session, [int(number) for number in ids.split(",")])
    return conditional(
        request,
        found.model_dump_json().encode(),
        media_type="application/json",
        cache_control="public, max-age=5",
    )


class Svg(Response):
    """An SVG image."""

    media_type = "image/svg+xml"


# Opened directly rather than embedded, an SVG image could do whatever a page can.
_INERT = {"Content-Security-Policy": "default-src 'none'"}
_BADGE: dict[int | str, dict[str, Any]] = {
    404: {"description": "Not found; also a badge.", "content": {"image/svg+xml": {}}}
}


@router.get("/api/badge/{monitor_id}.svg", response_class=Svg, responses=_BADGE | CACHEABLE)
async def badge(
    monitor_id: str,
    request: Request,
    session: Session,
    label: Annotated[Line, Query(max_length=100)] | None = None,
    show: Literal["state", "uptime"] = "state",
    window: Annotated[Window, Query(alias="range")] = "90d",
) -> Response:
    """Draw a badge for a README: a monitor's state, or its uptime over a range."""
    number = int(monitor_id) if re.fullmatch("[0-9]{1,10}", monitor_id) else 0
    cache_control = "public, max-age=30"
    try:
        if show == "uptime":
            picture = await uptime_badge(session, number, label=label, window=window)
        else:
            picture = await state_badge(session, number, label=label)
    except MonitorNotFoundError:
        # An image, because that is what a page with the badge displays.
        headers = {"Cache-Control": cache_control} | _INERT
        return Svg(NOT_FOUND, status_code=404, headers=headers)
    return conditional(
        request,
        picture.encode(),
        media_type=Svg.media_type,
        cache_control=cache_control,
        headers=_INERT,
    )


class Atom(Response):
    """An Atom feed."""

    media_type = "application/atom+xml"


@router.get("/feed.atom", response_class=Atom, responses=documented(404, 422) | CACHEABLE)
async def atom_feed(
    request: Request,
    session: Session,
    base_url: BaseUrl,
    monitor_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """List the 50 latest incidents and maintenance windows, of all monitors or of one, in Atom."""
    # The same response for all clients, with or without a key, because proxies cache it.
    public = request.app.state.keys_required
    found = await feed(session, base_url.address, monitor_id, public=public)
    headers = {}
    if found.updated is not None:
        headers["Last-Modified"] = format_datetime(found.updated.astimezone(UTC), usegmt=True)
    return conditional(
        request,
        found.document.encode(),
        media_type=Atom.media_type,
        # If its links use this client's form of the address, the feed is not for others.
        cache_control=f"{'public' if base_url.is_configured else 'private'}, max-age=30",
        headers=headers,
    )
