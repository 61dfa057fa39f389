"""Where the server listens: at some addresses of this machine, not at all of them."""

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

# Seconds until a name must be known, and between two questions for it: Docker's name server
# knows a container a moment before or after its program starts.
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.2

# Of Linux' <asm-generic/socket.h>; Python has no name for it.
_SO_ATTACH_REUSEPORT_CBPF = 51
# Classic BPF: an instruction is its code, two jumps and a value (Linux' networking/filter.rst).
_LOAD_HALF_WORD, _JUMP_IF_EQUAL, _RETURN = 0x28, 0x15, 0x06
# SKF_NET_OFF, where IP's header begins. After it comes TCP's, with the port of whoever sends.
_IP_HEADER = 0xFFF00000
_IP_HEADER_BYTES = {socket.AF_INET: 20, socket.AF_INET6: 40}
# Seconds for a connection of this process to itself.
_OWN_CONNECTION_SECONDS = 1.0


def listening_sockets(
    places: Sequence[str], port: int, *, patience: float = PATIENCE_SECONDS, shared: bool = False
) -> list[socket.socket]:
    """Return sockets bound to `port` at `places`: addresses, or names of addresses.

    A name may be that of other machines too, as a service's is with two containers. Of its
    addresses those are taken that this machine has. `shared`: other sockets of the same user may
    be bound there, as `no_new_connections` wants it. Raises OSError for a place without any when
    `patience` (seconds) is over.
    """
    deadline = monotonic() + patience
    bound: dict[str, socket.socket] = {}
    with ExitStack() as on_error:
        for place in places:
            while not _bind(place, port, bound, on_error, shared=shared):
                if monotonic() >= deadline:
                    raise OSError(errno.EADDRNOTAVAIL, f"{place} is no address of this machine")
                sleep(PAUSE_SECONDS)
        on_error.pop_all()
    return list(bound.values())


@contextmanager
def no_new_connections(listening: socket.socket) -> Iterator[None]:
    """Let nobody begin a connection to `listening` any more; those that have begun come in.

    `listening` is to be closed in the block. When that is done, the kernel resets the connections
    that it has made and the program has not accepted yet; their clients have sent requests by then,
    and there may always be one more. So another socket is put beside it, one that is full, and the
    kernel told to choose that. Who comes anew gets no answer, and a refusal after the block.

    The sockets must share their address (`listening_sockets`). A packet filter would do with one,
    but newer kernels let administrators alone set it. Where it can't be done (only Linux can), it
    is logged and left.
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
    # Only what comes from our own port is for the second socket.
    _choose(
        listening,
        (_LOAD_HALF_WORD, 0, 0, _IP_HEADER + _IP_HEADER_BYTES[family]),
        (_JUMP_IF_EQUAL, 0, 1, caller.getsockname()[1]),
        (_RETURN, 0, 0, 1),
        (_RETURN, 0, 0, 0),
    )
    # It has room for one connection that nobody accepts.
    full.listen(0)
    caller.connect((host, *address[1:]))
    _choose(listening, (_RETURN, 0, 0, 1))


def _choose(listening: socket.socket, *instructions: tuple[int, int, int, int]) -> None:
    """Have a program return which of the sockets at an address a new connection is for."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    program = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("HP", len(instructions), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, described)


def _bind(
    place: str, port: int, bound: dict[str, socket.socket], on_error: ExitStack, *, shared: bool
) -> bool:
    """Bind what `place` stands for here and is not bound yet; return whether there is any."""
    try:
        found = socket.getaddrinfo(place, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        # Not known yet; who asks waits for it, and says so in the end.
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
    # As asyncio does it: the port of a server that has just ended can be had at once.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared and sys.platform == "linux":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind(address)
