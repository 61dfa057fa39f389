"""Stagewatch: an uptime monitor's API."""

__version__ = "0.12.0"
STAGE = "12"
