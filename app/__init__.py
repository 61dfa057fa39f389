"""Stagewatch: an uptime monitor's API."""

__version__ = "0.7.0"
STAGE = "07"
