"""Checks a target from outside once, within a deadline, and says what it saw."""
