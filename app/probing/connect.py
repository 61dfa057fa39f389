"""A fresh TCP connection to a host, after its addresses have passed the guard."""

import asyncio
import socket
from collections.abc import Callable
from time import perf_counter

from aiohappyeyeballs import start_connection

from app.probing.failure import Failure, describe
from app.probing.guard import Guard, RefusedAddress
from app.probing.resolve import Resolver
from app.probing.stopwatch import Stopwatch, added
from app.probing.urls import numeric_address

# RFC 8305, section 5: how long one address is tried before the next one joins in.
NEXT_ADDRESS_SECONDS = 0.25
# A name may list hundreds; the deadline would not let them be tried anyway.
ADDRESS_LIMIT = 16


class Network:
    """What every kind of check needs to reach its target."""

    __slots__ = ("guard", "resolver")

    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self.guard = guard
        self.resolver = resolver

    async def connect(
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        watch: Stopwatch,
    ) -> asyncio.Transport:
        """Return a transport connected to `host`; raise Failure if there is no way to it.

        The addresses that were checked are the ones connected to: the name is not looked up
        again. One refused address among them refuses the host. The caller aborts the transport.
        """
        watch.phase = "resolving"
        try:
            literal = numeric_address(host)
        except ValueError as error:
            raise Failure(f"host not found: {error}") from None
        addresses = [literal] if literal is not None else await self._resolve(host, watch)
        try:
            for address in addresses:
                self.guard.check(address)
        except RefusedAddress as refused:
            raise Failure(f"address refused: {refused}") from None
        watch.phase = "connecting"
        started = perf_counter()
        loop = asyncio.get_running_loop()
        try:
            if len(addresses) == 1:
                transport, _ = await loop.create_connection(protocol_factory, addresses[0], port)
            else:
                transport = await _race(loop, protocol_factory, addresses, port)
        except OSError as error:
            raise Failure(describe(error)) from None
        watch.connect_ms = added(watch.connect_ms, started)
        return transport

    async def _resolve(self, host: str, watch: Stopwatch) -> list[str]:
        started = perf_counter()
        addresses = await self.resolver.addresses(host)
        watch.dns_ms = added(watch.dns_ms, started)
        return addresses[:ADDRESS_LIMIT]


async def _race(
    loop: asyncio.AbstractEventLoop,
    protocol_factory: Callable[[], asyncio.Protocol],
    addresses: list[str],
    port: int,
) -> asyncio.Transport:
    """Connect to the address that answers first, starting with the first."""
    choices = [
        (
            socket.AF_INET6 if ":" in address else socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (address, port, 0, 0) if ":" in address else (address, port),
        )
        for address in addresses
    ]
    try:
        connected = await start_connection(
            choices, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1, loop=loop
        )
    except OSError as error:
        if error.errno is None:
            # They failed for different reasons.
            raise Failure(f"none of the {len(addresses)} addresses can be connected to") from None
        raise
    try:
        transport, _ = await loop.create_connection(protocol_factory, sock=connected)
    except BaseException:
        connected.close()
        raise
    return transport
