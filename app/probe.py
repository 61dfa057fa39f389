"""Request URLs and print a line for each: status, latency, size, or the reason it failed.

Standard library only. The exit code is 0 if every URL answered with a status below 400, 1 if
one did not, 2 for an invalid command line.
"""

import argparse
import http.client
import platform
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_URL = "https://api.github.com/zen"
DEFAULT_TIMEOUT = 10.0
MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """One request: `error` is None if it succeeded. Latency in milliseconds, size in bytes."""

    url: str
    status: int | None = None
    latency_ms: float = 0.0
    size: int = 0
    error: str | None = None

    def line(self) -> str:
        if self.error is not None:
            return f"{self.url}  FAILED  {self.error}"
        return f"{self.url}  {self.status}  {self.latency_ms:.0f} ms  {self.size} bytes"


def os_details() -> str:
    """Return a description of the system: in a container, the image's on the host's kernel."""
    try:
        distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        distribution = platform.system()
    return (
        f"{distribution}, kernel {platform.release()} ({platform.machine()}), "
        f"Python {platform.python_version()}, host {platform.node()}"
    )


def problem_with(url: str) -> str | None:
    """Return why `url` can't be requested, or None."""
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError when out of range
    except ValueError as error:
        return f"bad URL: {error}"
    if parts.scheme not in {"http", "https"}:
        return "bad URL: it must start with http:// or https://"
    if not parts.hostname or port == 0:
        return "bad URL: it names no host that can be called"
    if any(character <= " " or character == "\x7f" for character in url):
        return "bad URL: it has a space or a control character"
    return None


def plain_reason(error: BaseException) -> str:
    """Return the cause in a few words, without a traceback or an error number."""
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return plain_reason(error.reason)
    if isinstance(error, UnicodeError):
        return "bad URL: it has characters that must be percent-encoded"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'handshake failed').lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return "host not found"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


class TimeLimitExceededError(BaseException):
    """The time is up. Not an OSError, so that no library mistakes it for one of its own."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceededError in the block once `seconds` are over.

    A socket's own timeout limits each wait separately: a server that sends a byte a second never
    exceeds it, nor does a slow name server. An alarm limits the total time.
    """

    def ring(_signum: int, _frame: object) -> None:
        raise TimeLimitExceededError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def probe(url: str, timeout: float = DEFAULT_TIMEOUT) -> Outcome:
    """Request `url` once, for at most `timeout` seconds; return a failure instead of raising it."""
    if reason := problem_with(url):
        return Outcome(url, error=reason)
    start = time.monotonic()
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "Stagewatch"})  # noqa: S310 (checked above)
        with time_limit(timeout), urllib.request.urlopen(request) as response:  # noqa: S310
            size = len(response.read(MAX_BODY_BYTES))
            latency_ms = (time.monotonic() - start) * 1000
            return Outcome(url, status=response.status, latency_ms=latency_ms, size=size)
    except TimeLimitExceededError:
        return Outcome(url, error=f"timed out after {timeout:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        return Outcome(url, error=plain_reason(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="probe", description="Call URLs and say what came back.")
    parser.add_argument("urls", nargs="*", default=[DEFAULT_URL], metavar="URL")
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT,
        help="seconds for each URL (default: %(default)g)",
    )
    options = parser.parse_args(arguments)
    if not 0 < options.timeout <= 3600:
        parser.error("--timeout must be more than 0 and at most 3600 seconds")

    print(os_details())
    failed = False
    try:
        for url in options.urls:
            outcome = probe(url, options.timeout)
            print(outcome.line())
            failed = failed or outcome.error is not None
    except KeyboardInterrupt:
        return 130  # what a shell reports for a program ended by Ctrl-C
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
