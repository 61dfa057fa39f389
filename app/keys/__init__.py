"""API keys: which clients have access, and to what."""
