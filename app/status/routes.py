"""GET /api/status."""

from fastapi import APIRouter

from app.api.dependencies import Session
from app.api.problems import documented
from app.status.summary import Summary, summarize

router = APIRouter(prefix="/api", tags=["status"], responses=documented(503))


@router.get("/status")
async def status(session: Session) -> Summary:
    """Summarize all monitors."""
    return await summarize(session)
