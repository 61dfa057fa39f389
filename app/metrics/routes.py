"""GET /metrics: for Prometheus, which comes by the internal network. Not passed on by Nginx."""

from fastapi import APIRouter, Request, Response

from app.api.access import requires
from app.metrics.exposition import CONTENT_TYPE_LATEST, render
from app.metrics.figures import Figures

# Without a key: Prometheus comes by a network of ours, where Nginx passes nothing on.
router = APIRouter(tags=["service"], dependencies=[requires("public")])


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the metrics of this process, and the figures that the database has for all."""
    figures: Figures = request.app.state.figures
    return Response(render(more=await figures.registry()), media_type=CONTENT_TYPE_LATEST)
