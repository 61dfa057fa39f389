"""Paths as a log may show them."""

import re

_TOKEN = re.compile(r"(/(?:ping|unsubscribe)/+).+", re.IGNORECASE | re.DOTALL)


def shown(path: str) -> str:
    """Return a path without secrets: its query, and the token of /ping or /unsubscribe."""
    return _TOKEN.sub(r"\1…", path.partition("?")[0])
