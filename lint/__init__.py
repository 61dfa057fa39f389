"""Makes files that linters can read of those that they can't read as they are."""
