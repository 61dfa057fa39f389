"""Stagewatch: an uptime monitor's API."""

__version__ = "0.9.0"
STAGE = "09"
