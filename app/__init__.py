"""Stagewatch: an uptime monitor's API."""

__version__ = "0.8.0"
STAGE = "08"
