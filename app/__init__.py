"""Stagewatch: an uptime monitor's API."""

__version__ = "0.5.0"
STAGE = "05"
