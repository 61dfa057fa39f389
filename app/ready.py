"""GET /ready: whether this process can serve requests now."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.api.access import requires
from app.api.dependencies import CacheDep, DatabaseDep
from app.cache import CacheUnavailable
from app.database import DatabaseUnavailable

router = APIRouter(tags=["service"])


class Readiness(BaseModel):
    """`checks` lists every dependency by name: ok, or what is wrong with it.

    Degraded: an optional dependency is missing; everything works, but slower or without limits.
    """

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, str] = Field(examples=[{"database": "ok", "redis": "ok"}])


@router.get("/ready", dependencies=[requires("public")], responses={503: {"model": Readiness}})
async def ready(database: DatabaseDep, cache: CacheDep, response: Response) -> Readiness:
    """Return 200 if all required dependencies respond, else 503. For liveness, use /health."""
    checks = {"database": "ok", "redis": "ok"}
    try:
        await cache.ping()
    except CacheUnavailable:
        checks["redis"] = "does not answer: nothing is cached and no client is rate-limited"
    try:
        await database.ping()
    except DatabaseUnavailable:
        checks["database"] = "does not answer"
        response.status_code = 503
        return Readiness(status="unavailable", checks=checks)
    status: Literal["ready", "degraded"] = "ready" if checks["redis"] == "ok" else "degraded"
    return Readiness(status=status, checks=checks)
