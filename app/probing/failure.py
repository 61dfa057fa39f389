"""Why a check failed, or could not be made, in words that need no knowledge of the program."""

import errno
import os
import re

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
