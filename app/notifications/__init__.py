"""The outbox: notifications that must still be sent, and to which channels."""
