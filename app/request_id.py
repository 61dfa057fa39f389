"""The id of the current request, by which all of its log lines can be found.

It comes from the client or the proxy, is returned as X-Request-ID, and is stored with the work that
the request causes, so that a worker that does this later logs the id too.
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
"""The ids of requests that are handled together, by the id of the monitor they are about."""

# Ids that make a log line neither long nor ambiguous. UUIDs, W3C trace ids and Nginx's $request_id
# have this form.
_VALID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def accept(given: str | None) -> str:
    """Return the id that a client sent if it is valid, else a new one."""
    if given is not None and _VALID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def of(monitor_id: int) -> str | None:
    """Return the id of the request that caused the current work on a monitor, if any."""
    return by_monitor.get().get(monitor_id) or current.get()
