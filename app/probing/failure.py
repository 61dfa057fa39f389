"""Why a check failed, in words that need no knowledge of the program."""

import errno
import os

_BY_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by the server",
    errno.ECONNABORTED: "connection reset by the server",
    errno.EPIPE: "connection reset by the server",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EADDRNOTAVAIL: "no local address or port is free for the connection",
    errno.EAFNOSUPPORT: "this kind of address is not supported here",
    errno.EMFILE: "the checker has too many open files",
    errno.ENFILE: "the checker has too many open files",
    errno.EACCES: "the connection is not permitted here",
    errno.EPERM: "the connection is not permitted here",
}


class Failure(Exception):
    """The check failed for `reason`, a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def describe(error: OSError) -> str:
    """Return a plain sentence for what the operating system reported."""
    if error.errno is None:
        # uvloop raises some of these bare.
        if isinstance(error, ConnectionError):
            return _BY_ERRNO[errno.ECONNRESET]
        return "the connection failed"
    known = _BY_ERRNO.get(error.errno)
    return known or os.strerror(error.errno).lower()
