"""Immediate probes whose results are not stored: on request, or to suggest a monitor."""

from fastapi import APIRouter

from app.api.access import requires
from app.api.dependencies import ProberDep
from app.api.problems import documented
from app.monitors.suggestion import suggest
from app.probing.schemas import ProbeRequest, ProbeResult, SuggestionOut, SuggestionRequest

# It changes nothing here, but the request may trigger an action at its target.
router = APIRouter(prefix="/api", tags=["probing"], dependencies=[requires("write")])


@router.post("/probe", responses=documented(413, 422, 429, 503))
async def probe(asked: ProbeRequest, prober: ProberDep) -> ProbeResult:
    """Send one request to a URL and return the outcome. A failed probe is a result, not an error.

    503 means that the service itself could not probe.
    """
    return ProbeResult.of(await prober.probe(asked.target(), asked.timeout_seconds))


@router.post("/probe/suggest", responses=documented(413, 422, 429, 503))
async def suggest_monitor(asked: SuggestionRequest, prober: ProberDep) -> SuggestionOut:
    """Suggest a monitor for what a user has typed, after a first probe of it."""
    suggestion = await suggest(prober, asked.url)
    return SuggestionOut(
        monitor=suggestion.draft, probe=ProbeResult.of(suggestion.result), notes=suggestion.notes
    )
