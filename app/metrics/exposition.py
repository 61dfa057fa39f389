"""Metrics as text, of one process or of several that share a folder."""

import os

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from app.metrics import resources

__all__ = ["CONTENT_TYPE_LATEST", "render"]

# With this variable, prometheus-client keeps its values in files of that folder, one for a
# process, and any of the processes can add them up. To be emptied when the container starts.
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
