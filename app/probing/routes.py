"""Immediate probes whose results are not stored."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.problems import documented
from app.probing.prober import Prober
from app.probing.schemas import ProbeRequest, ProbeResult

router = APIRouter(prefix="/api", tags=["probing"])


def get_prober(request: Request) -> Prober:
    """Return the application's only prober."""
    prober: Prober = request.app.state.prober
    return prober


ProberDep = Annotated[Prober, Depends(get_prober)]


@router.post("/probe", responses=documented(413, 422, 503))
async def probe(asked: ProbeRequest, prober: ProberDep) -> ProbeResult:
    """Send one request to a URL and return the outcome. A failed probe is a result, not an error.

    503 means that the service itself could not probe.
    """
    return ProbeResult.of(await prober.probe(asked.target(), asked.timeout_seconds))
