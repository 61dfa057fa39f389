"""Locations: where workers check from."""
