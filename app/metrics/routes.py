"""GET /metrics, for Prometheus on the internal network; Nginx does not forward it."""

from fastapi import APIRouter, Request, Response

from app.api.access import requires
from app.metrics.exposition import CONTENT_TYPE_LATEST, render
from app.metrics.figures import Figures

# No key: Prometheus connects over an internal network, and Nginx does not forward this path.
router = APIRouter(tags=["service"], dependencies=[requires("public")])


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the metrics of this process, and those of the whole installation from the database."""
    figures: Figures = request.app.state.figures
    return Response(render(more=await figures.registry()), media_type=CONTENT_TYPE_LATEST)
