"""The outbox: what must still be told, and to whom."""
