"""GET /ready: whether this process can serve requests now."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.api.dependencies import DatabaseDep
from app.database import DatabaseUnavailable

router = APIRouter(tags=["service"])


class Readiness(BaseModel):
    """`checks` lists every dependency by name: ok, or what is wrong with it."""

    status: Literal["ready", "unavailable"]
    checks: dict[str, str] = Field(examples=[{"database": "ok"}])


@router.get("/ready", responses={503: {"model": Readiness}})
async def ready(database: DatabaseDep, response: Response) -> Readiness:
    """Return 200 if all required dependencies respond, else 503. For liveness, use /health."""
    try:
        await database.ping()
    except DatabaseUnavailable:
        response.status_code = 503
        return Readiness(status="unavailable", checks={"database": "does not answer"})
    return Readiness(status="ready", checks={"database": "ok"})
