"""The server's sockets, which listen on some addresses of this machine, not on all."""

import ctypes
import errno
import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import Any

log = logging.getLogger(__name__)

# Seconds until a name must resolve, and between two attempts: Docker's name server knows a
# container a moment before or after its program starts.
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.2

# From Linux' <asm-generic/socket.h>; Python has no name for it.
_SO_ATTACH_REUSEPORT_CBPF = 51
# Classic BPF: an instruction is its code, two jumps and a value (Linux' networking/filter.rst).
_LOAD_HALF_WORD, _JUMP_IF_EQUAL, _RETURN = 0x28, 0x15, 0x06
# SKF_NET_OFF, where the IP header begins. The TCP header follows, starting with the source port.
_IP_HEADER = 0xFFF00000
_IP_HEADER_BYTES = {socket.AF_INET: 20, socket.AF_INET6: 40}
# Seconds for a connection of this process to itself.
_OWN_CONNECTION_SECONDS = 1.0


def listening_sockets(
    places: Sequence[str], port: int, *, patience: float = PATIENCE_SECONDS, shared: bool = False
) -> list[socket.socket]:
    """Return sockets bound to `port` at `places`: addresses, or names of addresses.

    A name may also refer to other machines, like the name of a service with two containers. Only
    its addresses on this machine are used. `shared`: other sockets of the same user may be bound
    there too, as `no_new_connections` requires. Raises OSError for a place that has no address here
    after `patience` seconds.
    """
    deadline = monotonic() + patience
    bound: dict[str, socket.socket] = {}
    with ExitStack() as on_error:
        for place in places:
            while not _bind(place, port, bound, on_error, shared=shared):
                if monotonic() >= deadline:
                    raise OSError(errno.EADDRNOTAVAIL, f"{place} is not an address of this machine")
                sleep(PAUSE_SECONDS)
        on_error.pop_all()
    return list(bound.values())


@contextmanager
def no_new_connections(listening: socket.socket) -> Iterator[None]:
    """Stop new connections to `listening`; those that have begun can still be accepted.

    `listening` must be closed in the block. The kernel then resets connections that it has
    established but the program has not accepted; their clients have already sent requests, and
    there may always be one more. So a second socket, whose queue is full, is bound to the address,
    and the kernel made to choose it. New clients get no response, and are refused after the block.

    The sockets must share their address (`listening_sockets`). A packet filter would need only one,
    but newer kernels let only administrators set it. Where this is not possible (it needs Linux),
    that is logged and nothing is done.
    """
    with ExitStack() as beside:
        try:
            _put_full_one_beside(listening, beside)
        except OSError as error:
            beside.close()
            log.warning("Connections that begin now may be lost: %s", error)
        yield


def _put_full_one_beside(listening: socket.socket, beside: ExitStack) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    family = listening.family
    address = listening.getsockname()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104  (to call)
    full = beside.enter_context(socket.socket(family))
    _bind_one(full, address, shared=True)
    caller = beside.enter_context(socket.socket(family))
    caller.settimeout(_OWN_CONNECTION_SECONDS)
    caller.bind((host, 0, *address[2:]))
    # Only connections from our own port are for the second socket.
    _choose(
        listening,
        (_LOAD_HALF_WORD, 0, 0, _IP_HEADER + _IP_HEADER_BYTES[family]),
        (_JUMP_IF_EQUAL, 0, 1, caller.getsockname()[1]),
        (_RETURN, 0, 0, 1),
        (_RETURN, 0, 0, 0),
    )
    # Its queue has room for one connection, which is never accepted.
    full.listen(0)
    caller.connect((host, *address[1:]))
    _choose(listening, (_RETURN, 0, 0, 1))


def _choose(listening: socket.socket, *instructions: tuple[int, int, int, int]) -> None:
    """Attach a BPF program that picks the socket at an address for a new connection."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    program = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("HP", len(instructions), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, described)


def _bind(
    place: str, port: int, bound: dict[str, socket.socket], on_error: ExitStack, *, shared: bool
) -> bool:
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
            _bind_one(made, address, shared=shared)
        except OSError as error:
            made.close()
            # Another machine's address, or one of a family that this machine does not speak.
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue
            raise
        bound[name] = on_error.enter_context(made)
        ours = True
    return ours


def _bind_one(made: socket.socket, address: Any, *, shared: bool) -> None:
    # As asyncio does it: the port of a server that has just ended can be reused at once.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared and sys.platform == "linux":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind(address)
