"""Figures for Prometheus: what this process does, and what the database says of all of them."""
