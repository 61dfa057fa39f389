"""What clients without an API key may see of a failure.

The full reason of a failed check is for the operators of the target. It names internal hosts and
addresses, where a redirect led, what was expected of a response and what it contained instead. The
public sees only the kind of failure: one of the few texts here, never a part of the full reason.
"""

import re
from typing import Any

from app.incidents.schemas import IncidentOut

_UNKNOWN = "the check failed"
_STATUS = re.compile(r"status [1-5][0-9]{2}(?![0-9])", re.ASCII)
# By the beginning of the reason, which is set where Failure is raised.
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
# The same in SQL, for a column `cause`.
PUBLIC_CAUSE = (
    "coalesce(substring(cause from '^status [1-5][0-9]{2}(?![0-9])'), "
    f"CASE {_CASES} ELSE '{_UNKNOWN}' END)"
)


def public_reason(reason: str) -> str:
    """Return the reason of a failed check that the public sees."""
    if status := _STATUS.match(reason):
        return status[0]
    said = (said for begins, said in _BY_BEGINNING.items() if reason.startswith(begins))
    return next(said, _UNKNOWN)


def public_incident(incident: IncidentOut) -> IncidentOut:
    """Return an incident as the public sees it, without who acknowledged it."""
    shown = {"cause": public_reason(incident.cause), "acknowledged_by": None}
    return incident.model_copy(update=shown)


def public_event(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event of any kind as the public sees it."""
    shown = dict(data)
    for field in ("error", "cause"):
        if shown.get(field) is not None:
            shown[field] = public_reason(shown[field])
    if "acknowledged_by" in shown:
        shown["acknowledged_by"] = None
    return shown
