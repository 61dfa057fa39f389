"""The server's sockets, which listen on some addresses of this machine, not on all."""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from time import monotonic, sleep

# Seconds until a name must resolve, and between two attempts: Docker's name server knows a
# container a moment before or after its program starts.
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.2


def listening_sockets(
    places: Sequence[str], port: int, *, patience: float = PATIENCE_SECONDS
) -> list[socket.socket]:
    """Return sockets bound to `port` at `places`: addresses, or names of addresses.

    A name may also refer to other machines, like the name of a service with two containers. Only
    its addresses on this machine are used. Raises OSError for a place that has no address here
    after `patience` seconds.
    """
    deadline = monotonic() + patience
    bound: dict[str, socket.socket] = {}
    with ExitStack() as on_error:
        for place in places:
            while not _bind(place, port, bound, on_error):
                if monotonic() >= deadline:
                    raise OSError(errno.EADDRNOTAVAIL, f"{place} is not an address of this machine")
                sleep(PAUSE_SECONDS)
        on_error.pop_all()
    return list(bound.values())


def _bind(place: str, port: int, bound: dict[str, socket.socket], on_error: ExitStack) -> bool:
    """Bind the local addresses of `place` not bound yet; return whether it has any."""
    try:
        found = socket.getaddrinfo(place, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        # Not known yet; the caller waits for it, and raises an error in the end.
        return False
    ours = False
    for family, kind, protocol, _, address in found:
        name = str(address[0])
        if name in bound:
            ours = True
            continue
        made = socket.socket(family, kind, protocol)
        try:
            # As asyncio does it: the port of a server that has just ended can be reused at once.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
        except OSError as error:
            made.close()
            # Another machine's address, or one of a family that this machine does not speak.
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue
            raise
        bound[name] = on_error.enter_context(made)
        ours = True
    return ours
