"""Stagewatch: an uptime monitor's API."""

__version__ = "0.4.0"
STAGE = "04"
