"""The HTTP library's network access: the guard checks addresses, and phases are timed."""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from time import perf_counter
from typing import Any

import httpcore2

from app.probing.guard import Guard, RefusedAddress
from app.probing.result import CheckerFault, Failure, Timings, explain_library, explain_lookup

# How long one address is tried before the next one of the same name is tried, so that a dead IPv6
# route does not use up the time of the check.
NEXT_ADDRESS_SECONDS = 1.0
# A name may have hundreds of addresses; the deadline would not allow trying them all anyway.
ADDRESS_LIMIT = 8


class Stopwatch:
    """Collects the phases of one check, in milliseconds; `phase` names the current one."""

    def __init__(self) -> None:
        self.started = perf_counter()
        self.phase = "starting"
        self.phases: dict[str, float] = {}
        self.status_code: int | None = None

    def add(self, phase: str, since: float) -> None:
        """Add the time since the instant `since` to a phase, which redirects repeat."""
        self.phases[phase] = self.phases.get(phase, 0.0) + (perf_counter() - since) * 1000

    def timings(self) -> Timings:
        """Return the phases so far, the total being the time since the start."""
        return Timings(**self.phases, total_ms=(perf_counter() - self.started) * 1000)


@cache
def tls_context(*, verify: bool) -> ssl.SSLContext:
    """Return the process-wide context, with or without certificate verification.

    create_default_context is not used because it is strict about X.509 from Python 3.13 on: a
    site whose certificate browsers accept would be up with one Python and down with another.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # OpenSSL's default list. Python's excludes cipher suites with SHA-1 or RSA key exchange, the
    # only ones of many older servers, which browsers accept with TLS 1.2.
    context.set_ciphers("DEFAULT")
    # If a server closes without notice, what counts is whether the body was complete.
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects only to addresses that the guard allows.

    They must be checked here. Checking a URL earlier would prove nothing, because its name may
    have another address by the time of the connection. So the name is looked up once, its
    addresses are checked, and the connection is to one of them.
    """

    def __init__(self, guard: Guard, watch: Stopwatch) -> None:
        self._guard = guard
        self._watch = watch
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a stream to `host`; raise Failure or CheckerFault if it cannot be reached."""
        addresses = await self._look_up(host, port)
        try:
            for address in addresses:
                self._guard.check(address)
        except RefusedAddress as refused:
            # If one of them is refused, so is the host: any of them may be the one connected to.
            raise Failure(f"address refused: {refused}") from None
        self._watch.phase = "connecting"
        started = perf_counter()
        # The first of several reasons counts: the system lists first the address that it can reach
        # best, and a lack of IPv6 here, for example, is not why a site is down.
        fault: Failure | CheckerFault | None = None
        for number, address in enumerate(addresses, 1):
            try:
                patience = NEXT_ADDRESS_SECONDS if number < len(addresses) else None
                async with asyncio.timeout(patience):
                    stream = await self._sockets.connect_tcp(address, port)
            except TimeoutError:
                fault = fault or Failure("connection timed out")
            except httpcore2.ConnectError as error:
                fault = fault or explain_library(error, host)
            else:
                self._watch.add("connect_ms", started)
                return _TimedStream(stream, host, self._watch)
        raise fault or Failure(f"host not found: {host} has no address")

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        started = perf_counter()
        self._watch.phase = "resolving"
        try:
            # In one of the loop's few threads, all of which a slow name server can block: good
            # enough for probes on demand. Bytes, because Python would encode a string by an older
            # version of IDNA.
            found = await loop.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise explain_lookup(error, host) from None
        if not _is_address(host):
            self._watch.add("dns_ms", started)
        # A dict, because an address can be listed twice and the order is a preference.
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:ADDRESS_LIMIT]


class _TimedStream(httpcore2.AsyncNetworkStream):
    """A connection that reports its phases to the stopwatch and explains its errors."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, host: str, watch: Stopwatch) -> None:
        self._stream = stream
        self._host = host
        self._watch = watch
        self._sent: float | None = None
        self._answered = False

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
    ) -> httpcore2.AsyncNetworkStream:
        self._watch.phase = "in the TLS handshake"
        started = perf_counter()
        try:
            # Names in certificates have no final dot, which an absolute name has.
            name = (server_hostname or self._host).removesuffix(".")
            secured = await self._stream.start_tls(ssl_context, name)
        except httpcore2.ConnectError as error:
            fault = explain_library(error, self._host)
            if isinstance(fault, Failure) and not fault.reason.startswith("TLS: "):
                fault = Failure("TLS: the server closed the connection during the handshake")
            raise fault from None
        except BaseException:
            # The library closes a stream that fails, but not one that is cancelled at the deadline.
            await self._stream.aclose()
            raise
        self._watch.add("tls_ms", started)
        return _TimedStream(secured, self._host, self._watch)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        # The library handles a WriteError: it reads the response that may have arrived already.
        if self._sent is None:
            self._watch.phase = "waiting for the first byte"
            self._sent = perf_counter()
        await self._stream.write(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            data = await self._stream.read(max_bytes)
        except httpcore2.ReadError as error:
            fault = explain_library(error, self._host)
            if isinstance(fault, Failure) and self._watch.phase == "reading the body":
                fault = Failure(f"{fault.reason} before the body was complete")
            raise fault from None
        if data and not self._answered:
            self._answered = True
            self._watch.add("first_byte_ms", self._sent or perf_counter())
            self._watch.phase = "reading the headers"
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _is_address(host: str) -> bool:
    """Return whether `host` is an IP address, which is not looked up."""
    return ":" in host or host.replace(".", "").isdigit()
