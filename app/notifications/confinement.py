"""Restricts a thread that runs a third-party library: TCP only where the guard allows it.

Apprise opens its connections itself, through several libraries. Python reports operations to audit
hooks before they happen, with the resolved address: the one place where the guard sees every
connection, whichever library opens it. The allow-list of services (app.channels.apprise_services)
excludes services known to do more; this covers what is not known. It is a second line of defence,
not a sandbox: code that intends to evade Python's checks can do so.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from app.probing.guard import Guard, RefusedAddress

# Programs, processes, threads that this hook would not see (reported from Python 3.12 on),
# datagrams, listening sockets, the local syslog, and everything that changes files.
_REFUSED = frozenset(
    {
        *("_thread.start_joinable_thread", "_thread.start_new_thread", "ctypes.dlopen"),
        *("pty.spawn", "subprocess.Popen"),
        *("os.exec", "os.fork", "os.forkpty", "os.kill", "os.posix_spawn", "os.spawn", "os.system"),
        *("socket.bind", "socket.sendmsg", "socket.sendto", "syslog.openlog", "syslog.syslog"),
        *("os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename"),
        *("os.removexattr", "os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.utime"),
        "sqlite3.connect",
    }
)
_REFUSED_PREFIXES = ("shutil.", "tempfile.")
# Files that may be read: Python's own, the installed packages, time zones and media types.
_READABLE = tuple(
    Path(place).resolve()
    for place in {sys.prefix, sys.base_prefix, "/usr/share/zoneinfo", "/etc/mime.types"}
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ADDRESS = "address refused"
_STREAM_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Confinement:
    """One attempt in one thread: what was refused to it, and its open connections."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._sockets: list[socket.socket] = []
        self._ended = False
        self._refusals: list[str] = []

    @property
    def refusal(self) -> str | None:
        """Why the attempt failed, if something was refused: a refused address takes precedence."""
        addresses = (reason for reason in self._refusals if reason.startswith(_ADDRESS))
        return next(addresses, self._refusals[0] if self._refusals else None)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Confine the calling thread within the block."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def end(self) -> None:
        """Close the thread's connections and refuse new ones. Called by other threads.

        Python can't stop a thread from outside, but a thread that waits for data, however slowly
        it arrives, ends when its connection is closed.
        """
        self._ended = True
        for connection in list(self._sockets):
            try:
                # The plain socket's method: the TLS one would first send a closing alert.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already, or never connected

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise PermissionError if this thread may not do this."""
        if event == "socket.__new__":
            self._check_socket(*arguments)
        elif event == "socket.connect":
            self._check_address(arguments[1])
        elif event == "open":
            self._check_file(arguments[0], arguments[2])
        elif event in _REFUSED or event.startswith(_REFUSED_PREFIXES):
            self._refuse(f"{event} is not allowed for a notification")

    def _check_socket(self, connection: Any, family: int, kind: int, _protocol: int) -> None:
        if self._ended:
            raise PermissionError("the attempt has ended")
        if family not in _STREAM_FAMILIES or kind & 0xF != socket.SOCK_STREAM:
            self._refuse("only TCP is allowed for a notification")
        self._sockets.append(connection)

    def _check_address(self, address: Any) -> None:
        if self._ended:
            raise PermissionError("the attempt has ended")
        try:
            # The path of a local socket and an unresolved name are not addresses, so neither can
            # be allowed.
            host = ip_address(address[0] if isinstance(address, tuple) else str(address))
            self._guard.check(str(host))
        except (RefusedAddress, ValueError) as error:
            self._refuse(f"{_ADDRESS}: {error}")

    def _check_file(self, path: Any, flags: int) -> None:
        if isinstance(path, bytes):
            path = path.decode(errors="surrogateescape")
        if not flags & _WRITING and isinstance(path, str | Path):
            resolved = Path(path).resolve()
            if any(resolved.is_relative_to(place) for place in _READABLE):
                return
        self._refuse(f"{path} is a file, which is not allowed for a notification")

    def _refuse(self, reason: str) -> None:
        self._refusals.append(reason)
        raise PermissionError(reason)


_current: ContextVar[Confinement | None] = ContextVar("confinement", default=None)


@cache
def install() -> None:
    """Install the audit hook, which stays for the rest of the process."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    confinement = _current.get()
    if confinement is not None:
        confinement.audit(event, arguments)
