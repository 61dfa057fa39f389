"""Metrics for Prometheus: of this process, and of the whole installation from the database."""
