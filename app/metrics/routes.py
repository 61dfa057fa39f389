"""GET /metrics, for Prometheus on the internal network; Nginx does not forward it."""

from fastapi import APIRouter, Request, Response

from app.metrics.exposition import CONTENT_TYPE_LATEST, render
from app.metrics.figures import Figures

router = APIRouter(tags=["service"])


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the metrics of this process, and those of the whole installation from the database."""
    figures: Figures = request.app.state.figures
    return Response(render(more=await figures.registry()), media_type=CONTENT_TYPE_LATEST)
