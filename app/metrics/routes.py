"""GET /metrics, for Prometheus on the internal network; Nginx does not forward it."""

from fastapi import APIRouter, Response

from app.metrics.exposition import CONTENT_TYPE_LATEST, render

router = APIRouter(tags=["service"])


@router.get("/metrics", response_class=Response, include_in_schema=False)
def metrics() -> Response:
    """Return the metrics of this process."""
    return Response(render(), media_type=CONTENT_TYPE_LATEST)
