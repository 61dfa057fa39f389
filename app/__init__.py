"""Stagewatch: an uptime monitor's API."""

__version__ = "0.10.0"
STAGE = "10"
