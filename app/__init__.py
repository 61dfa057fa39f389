"""Stagewatch: the startup's backend, as a web service."""

__version__ = "0.3.0"
STAGE = "03"
