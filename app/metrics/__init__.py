"""Figures for Prometheus: what this process does."""
