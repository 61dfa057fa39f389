"""The id of the request that is being answered, so that all its lines in the logs can be found.

It comes from the client or the proxy, is sent back as X-Request-ID, and is stored with what the
request causes: a worker that does that later logs it too.
"""

import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

HEADER = "X-Request-ID"

current: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None outside a request."""

_NONE: Mapping[int, str] = MappingProxyType({})

by_monitor: ContextVar[Mapping[int, str]] = ContextVar("by_monitor", default=_NONE)
"""Of requests that are dealt with together, by the number of the monitor that each is about."""

# What makes a line of a log neither long nor ambiguous. UUIDs, W3C trace ids and Nginx's
# $request_id are of this form.
_VALID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def accept(given: str | None) -> str:
    """Return the id that a client gave if it is a valid one, else a new one."""
    if given is not None and _VALID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def of(monitor_id: int) -> str | None:
    """Return the id of the request that what is done to a monitor now comes from, if any."""
    return by_monitor.get().get(monitor_id) or current.get()
