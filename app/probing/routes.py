"""Probes at once, of which nothing is stored: by what is asked for, or to suggest a monitor."""

from fastapi import APIRouter

from app.api.access import requires
from app.api.dependencies import ProberDep
from app.api.problems import documented
from app.monitors.suggestion import suggest
from app.probing.schemas import ProbeRequest, ProbeResult, SuggestionOut, SuggestionRequest

# It changes nothing here, but what it calls may take it for an order.
router = APIRouter(prefix="/api", tags=["probing"], dependencies=[requires("write")])


@router.post("/probe", responses=documented(413, 422, 429, 503))
async def probe(asked: ProbeRequest, prober: ProberDep) -> ProbeResult:
    """Call a URL once and return what happened. A failed probe is a result, not an error.

    503 says that the service itself could not probe.
    """
    return ProbeResult.of(await prober.probe(asked.target(), asked.timeout_seconds))


@router.post("/probe/suggest", responses=documented(413, 422, 429, 503))
async def suggest_monitor(asked: SuggestionRequest, prober: ProberDep) -> SuggestionOut:
    """Suggest a monitor for what a person has typed, after a first probe of it."""
    suggestion = await suggest(prober, asked.url)
    return SuggestionOut(
        monitor=suggestion.draft, probe=ProbeResult.of(suggestion.result), notes=suggestion.notes
    )
