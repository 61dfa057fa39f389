"""The result of a check in a form that can be stored."""

import re
from dataclasses import dataclass

REASON_LIMIT = 300

# PostgreSQL's text takes no NUL and no lone surrogates; controls and the marks that change the
# direction of a line or hide in it have no place in a sentence that a person reads.
_NOISE = re.compile(
    "[\\s\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff]+"
)


def reason(text: str) -> str:
    """Return `text` as one printable line of at most 300 characters."""
    line = _NOISE.sub(" ", text).strip()
    return line if len(line) <= REASON_LIMIT else line[: REASON_LIMIT - 1] + "…"


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in milliseconds; None where the check did not get that far or had no such phase.

    Over redirects the phases of all requests are added up. `first_byte_ms` runs from the request
    sent to the first byte of its answer; `total_ms` is everything, from start to end.
    """

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check: `error` is None if it is ok, else a plain sentence.

    `latency_ms` is the total in milliseconds, `status_code` the last HTTP status that was seen.
    """

    ok: bool
    latency_ms: float | None
    timings: Timings
    status_code: int | None = None
    error: str | None = None
