"""The result of a check in a form that can be stored, and the errors that lead to it or to none."""

import errno
import os
import re
from dataclasses import dataclass
from time import perf_counter

REASON_LIMIT = 300

# PostgreSQL's text takes no NUL and no lone surrogates; controls and the marks that change the
# direction of a line or hide in it have no place in a sentence that a person reads.
_NOISE = re.compile(
    "[\\s\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff]+"
)


def printable(text: str, limit: int) -> str:
    """Return `text` as one printable line of at most `limit` characters."""
    line = _NOISE.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def reason(text: str) -> str:
    """Return `text` as one printable line of at most 300 characters."""
    return printable(text, REASON_LIMIT)


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

    `latency_ms` is the total in milliseconds, `status_code` the last HTTP status that was seen,
    `certificate_expires` the end of the earliest verified certificate, in seconds since the epoch.
    """

    ok: bool
    latency_ms: float | None
    timings: Timings
    status_code: int | None = None
    error: str | None = None
    certificate_expires: float | None = None


class Stopwatch:
    """Collects the phases of one check, in milliseconds; `phase` names the current one.

    `status_code` is the last HTTP status that was received, `certificate_expires` the end of the
    certificate that expires first. It reads `perf_counter`, not the
    loop's clock: uvloop's has a resolution of one millisecond and stands still while callbacks
    run.
    """

    __slots__ = (
        "certificate_expires",
        "connect_ms",
        "dns_ms",
        "first_byte_ms",
        "phase",
        "started",
        "status_code",
        "tls_ms",
    )

    def __init__(self) -> None:
        self.started = perf_counter()
        self.phase = "starting"
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.first_byte_ms: float | None = None
        self.status_code: int | None = None
        self.certificate_expires: float | None = None

    def timings(self) -> Timings:
        """Return the phases so far, the total being the time since the start."""
        total_ms = (perf_counter() - self.started) * 1000
        return Timings(self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms, total_ms)


def added(so_far: float | None, since: float) -> float:
    """Return `so_far` milliseconds plus those since the instant `since` of `perf_counter`."""
    return (so_far or 0.0) + (perf_counter() - since) * 1000


_BY_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by the server",
    errno.ECONNABORTED: "connection reset by the server",
    errno.EPIPE: "connection reset by the server",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EAFNOSUPPORT: "this kind of address is not supported here",
    errno.EACCES: "the connection is not permitted here",
    errno.EPERM: "the connection is not permitted here",
}
TOO_MANY_FILES = "the checker has too many open files"
OUT_OF_MEMORY = "the checker has no memory left"
# What the checker itself has run out of. It says nothing of the target.
_LACKING = {
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: "the checker's machine has too many open files",
    errno.ENOMEM: OUT_OF_MEMORY,
    errno.ENOBUFS: OUT_OF_MEMORY,
    errno.EADDRNOTAVAIL: "the checker has no local port left",
}
_ERRNO = re.compile(r"\[Errno (\d+)\]")


class Failure(Exception):
    """The check failed for `reason`, a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CheckerFault(Exception):
    """The checker itself lacks what a check needs, or has a bug: there is no result.

    The target may be healthy, so this must never count as its outage. `reason` is a plain sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def explain(error: OSError) -> Failure | CheckerFault:
    """Return what the operating system's error means for the check, to be raised."""
    if error.errno is None:
        # uvloop raises some of these bare.
        if isinstance(error, ConnectionError):
            return Failure(_BY_ERRNO[errno.ECONNRESET])
        # aiohappyeyeballs sums up different errors in the text of one.
        for number in _ERRNO.findall(str(error)):
            if int(number) in _LACKING and int(number) != errno.EADDRNOTAVAIL:
                return CheckerFault(_LACKING[int(number)])
        return Failure("the connection failed")
    if error.errno in _LACKING:
        return CheckerFault(_LACKING[error.errno])
    return Failure(_BY_ERRNO.get(error.errno) or os.strerror(error.errno).lower())
