"""Immediate probes whose results are not stored."""

from fastapi import APIRouter

from app.api.dependencies import ProberDep
from app.api.problems import documented
from app.probing.schemas import ProbeRequest, ProbeResult

router = APIRouter(prefix="/api", tags=["probing"])


@router.post("/probe", responses=documented(413, 422, 429, 503))
async def probe(asked: ProbeRequest, prober: ProberDep) -> ProbeResult:
    """Send one request to a URL and return the outcome. A failed probe is a result, not an error.

    503 means that the service itself could not probe.
    """
    return ProbeResult.of(await prober.probe(asked.target(), asked.timeout_seconds))
