"""Single probes of monitors, and what they say of a monitor's state."""
