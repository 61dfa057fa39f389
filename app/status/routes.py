"""GET /api/status."""

from fastapi import APIRouter, Response

from app.api.dependencies import CacheDep, DatabaseDep
from app.api.problems import documented
from app.cache import CacheUnavailable
from app.status.freshness import FRESH_SECONDS, KEY
from app.status.summary import Summary, summarize

router = APIRouter(prefix="/api", tags=["status"], responses=documented(429, 503))


@router.get("/status", response_model=Summary)
async def status(database: DatabaseDep, cache: CacheDep) -> Response:
    """Summarize all monitors. The header X-Cache names the source: hit, miss or bypass."""
    try:
        cached = await cache.get(KEY)
    except CacheUnavailable:
        return _answer(await _summary(database), "bypass")
    if cached is not None:
        return _answer(cached, "hit")
    body = await _summary(database)
    try:
        await cache.set(KEY, body, FRESH_SECONDS)
    except CacheUnavailable:
        return _answer(body, "bypass")
    return _answer(body, "miss")


async def _summary(database: DatabaseDep) -> bytes:
    # Take a connection here rather than for the whole request: a cache hit needs none.
    async with database.transaction() as session:
        return b"".join(await summarize(session))


def _answer(body: bytes, cache: str) -> Response:
    return Response(body, media_type="application/json", headers={"X-Cache": cache})
