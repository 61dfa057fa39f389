"""Converts files that linters can't read directly into files that they can."""
