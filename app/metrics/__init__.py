"""Metrics for Prometheus: those of this process."""
