"""Checks of monitors, and the states that follow from them."""
