"""POST /api/probe: a probe at once, of which nothing is kept."""

from fastapi import APIRouter

from app.api.dependencies import ProberDep
from app.api.problems import documented
from app.probing.schemas import ProbeRequest, ProbeResult

router = APIRouter(prefix="/api", tags=["probing"])


@router.post("/probe", responses=documented(413, 422, 429, 503))
async def probe(asked: ProbeRequest, prober: ProberDep) -> ProbeResult:
    """Call a URL once and tell what came of it. A failed probe is a result, not an error.

    503 says that the prober itself lacks something, so that nothing is known about the URL.
    """
    return ProbeResult.of(await prober.probe(asked.target(), asked.timeout_seconds))
