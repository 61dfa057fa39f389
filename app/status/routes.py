"""GET /api/status."""

from fastapi import APIRouter, Request, Response

from app.api.conditional import CACHEABLE, accepts_gzip, conditional
from app.api.dependencies import CachedSummaryDep
from app.api.problems import documented
from app.status.summary import Summary

router = APIRouter(tags=["status"], responses=documented(429, 503))


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
