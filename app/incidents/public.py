"""What anybody may know of a failure, where those who may know more have a key.

Why a check failed is said for those who look after the target. It names hosts and addresses within
a network, where a redirect led, what was expected of an answer and what was in it instead. The
public is told what kind of failure it was: one of the few texts here, never a part of the other.
"""

import re
from typing import Any

from app.incidents.schemas import IncidentOut

_UNKNOWN = "the check failed"
_STATUS = re.compile(r"status [1-5][0-9]{2}(?![0-9])", re.ASCII)
# By how the reason begins, which the places that raise Failure decide.
_BY_BEGINNING = {
    "timed out": "timed out",
    "connection timed out": "timed out",
    "connection refused": "connection refused",
    "connection reset": "connection reset by the server",
    "the connection failed": "no connection",
    "none of the ": "no connection",
    "no route to host": "no connection",
    "network is unreachable": "no connection",
    "host not found": "host not found",
    "the name server": "the name server gave no answer",
    "certificate expires": "the certificate expires soon",
    "certificate": "the certificate is not valid",
    "TLS": "the secure connection failed",
    "keyword": "the answer is not as expected",
    "JSON path": "the answer is not as expected",
    "body": "the answer is not as expected",
    "no heartbeat came in time": "no heartbeat came in time",
}

_CASES = " ".join(f"WHEN starts_with(cause, '{a}') THEN '{b}'" for a, b in _BY_BEGINNING.items())
# The same in SQL, of a column `cause`.
PUBLIC_CAUSE = (
    "coalesce(substring(cause from '^status [1-5][0-9]{2}(?![0-9])'), "
    f"CASE {_CASES} ELSE '{_UNKNOWN}' END)"
)


def public_reason(reason: str) -> str:
    """Return what the public is told of why a check failed."""
    if status := _STATUS.match(reason):
        return status[0]
    said = (said for begins, said in _BY_BEGINNING.items() if reason.startswith(begins))
    return next(said, _UNKNOWN)


def public_incident(incident: IncidentOut) -> IncidentOut:
    """Return an incident as the public sees it: nor do they see who looks after it."""
    shown = {"cause": public_reason(incident.cause), "acknowledged_by": None}
    return incident.model_copy(update=shown)


def public_event(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event, of whatever kind, as the public sees it."""
    shown = dict(data)
    for field in ("error", "cause"):
        if shown.get(field) is not None:
            shown[field] = public_reason(shown[field])
    if "acknowledged_by" in shown:
        shown["acknowledged_by"] = None
    return shown
