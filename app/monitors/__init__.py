"""Monitors: what is checked, and how."""
