"""The data of public pages: all monitors at a glance, and their days."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.conditional import CACHEABLE, accepts_gzip, conditional
from app.api.dependencies import CachedSummaryDep, Session
from app.api.problems import documented
from app.status.history import History, history
from app.status.summary import Summary

router = APIRouter(tags=["status"], responses=documented(429, 503))

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
