"""Metrics as text, for one process or for several that share a folder."""

import os

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from app.metrics import resources

__all__ = ["CONTENT_TYPE_LATEST", "render"]

# If this variable is set, prometheus-client keeps its values in files in that folder, one per
# process, and any process can add them up. Empty the folder when the container starts.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def render(*, more: CollectorRegistry | None = None) -> bytes:
    """Return all metrics, and those of `more`, in Prometheus' text format."""
    resources.observe()
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        text = generate_latest(registry)
    else:
        text = generate_latest()
    return text + generate_latest(more) if more else text
