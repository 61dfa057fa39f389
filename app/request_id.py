"""The id of the current request, by which all of its log lines can be found.

It comes from the client or the proxy, and is returned as X-Request-ID.
"""

import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-ID"

current: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None outside a request."""

# Ids that make a log line neither long nor ambiguous. UUIDs, W3C trace ids and Nginx's $request_id
# have this form.
_VALID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def accept(given: str | None) -> str:
    """Return the id that a client sent if it is valid, else a new one."""
    if given is not None and _VALID.fullmatch(given):
        return given
    return uuid.uuid4().hex
