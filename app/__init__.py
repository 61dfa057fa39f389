"""Stagewatch: an uptime monitor's API."""

__version__ = "0.11.0"
STAGE = "11"
