"""Maintenance windows: times of planned work, during which nobody is to be alerted."""
