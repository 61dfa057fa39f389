"""Stagewatch: an uptime monitor's API."""

__version__ = "0.6.0"
STAGE = "06"
