"""Outages: from the check that found a monitor down to the one that found it up."""
