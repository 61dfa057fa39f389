"""Converts a monitor's configuration between the schemas and its row."""

from typing import Any

from app.monitors.models import Monitor
from app.monitors.schemas import Probed

COMMON = frozenset({"kind", *Probed.model_fields})


def config_of(monitor: Monitor) -> dict[str, Any]:
    """Return a monitor's configuration as a client wrote it."""
    return {name: getattr(monitor, name) for name in COMMON} | monitor.spec
