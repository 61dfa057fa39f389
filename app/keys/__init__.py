"""API keys: who may ask, and what."""
