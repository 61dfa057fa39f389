"""Channels, to which notifications are sent."""
