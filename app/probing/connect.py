"""Opens a new connection to a host once its addresses have passed the guard, and adds TLS."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import perf_counter

from aiohappyeyeballs import start_connection

from app.probing.guard import Guard, RefusedAddress
from app.probing.resolve import Resolver
from app.probing.result import Failure, Stopwatch, added, explain
from app.probing.urls import numeric_address

# RFC 8305, section 5: how long one address is tried before the next one is tried in parallel.
NEXT_ADDRESS_SECONDS = 0.25
# A name may have hundreds of addresses; the deadline would not allow trying them all anyway.
ADDRESS_LIMIT = 16
# The deadline of the whole check applies; the library insists on a limit for the handshake.
_HANDSHAKE_SECONDS = 86_400.0

# X509_V_ERR_* of OpenSSL, include/openssl/x509_vfy.h.
_CERTIFICATE_ERRORS = {
    9: "the certificate is not valid yet",
    10: "certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate is signed by an authority that is not trusted",
    20: "the certificate is signed by an authority that is not trusted",
    21: "the certificate is signed by an authority that is not trusted",
    23: "the certificate has been revoked",
}
_HOSTNAME_MISMATCH = frozenset({62, 64})
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})

Factory = Callable[[], asyncio.BaseProtocol]


class Connector:
    """What every kind of check needs to reach its target."""

    __slots__ = ("guard", "resolver")

    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self.guard = guard
        self.resolver = resolver

    async def connect(
        self, protocol_factory: Factory, host: str, port: int, watch: Stopwatch
    ) -> asyncio.Transport:
        """Return a transport connected to `host`; raise Failure if it cannot be reached.

        It connects to the very addresses that the guard has checked: the name is not looked up
        again. If one of them is refused, so is the host. The caller must abort the transport.
        Raises CheckerFault if the checker itself lacks a resource that a connection needs.
        """
        addresses = await self._addresses(host, watch)
        watch.phase = "connecting"
        started = perf_counter()
        loop = asyncio.get_running_loop()
        try:
            if len(addresses) == 1:
                transport, _ = await loop.create_connection(protocol_factory, addresses[0], port)
            else:
                transport = await _race(loop, protocol_factory, addresses, port)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and not _has_source(addresses[0]):
                raise Failure("the checker has no address of this kind to connect from") from None
            raise explain(error) from None
        watch.connect_ms = added(watch.connect_ms, started)
        return transport

    async def _addresses(self, host: str, watch: Stopwatch) -> list[str]:
        """Return the addresses of `host`, all of them permitted by the guard."""
        watch.phase = "resolving"
        try:
            literal = numeric_address(host)
        except ValueError as error:
            raise Failure(f"host not found: {error}") from None
        if literal is not None:
            try:
                self.guard.check(literal)
            except RefusedAddress as refused:
                raise Failure(f"address refused: {refused}") from None
            return [literal]
        started = perf_counter()
        addresses = await self.resolver.addresses(host)
        watch.dns_ms = added(watch.dns_ms, started)
        try:
            for address in addresses[:ADDRESS_LIMIT]:
                self.guard.check(address)
        except RefusedAddress as refused:
            # Do not name the address: any user could learn where an internal name leads.
            raise Failure(
                f"address refused: the address of {host} is {refused.kind} address; "
                "its network is not in ALLOWED_NETWORKS"
            ) from None
        return addresses[:ADDRESS_LIMIT]


def _has_source(address: str) -> bool:
    """Return whether this machine has a source address from which it can reach `address`.

    Without IPv6, the error is the same as without a free port. Connecting UDP sends nothing.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((address, 9))
        except OSError:
            # No route to it: that is the answer.
            return False
    return True


async def _race(
    loop: asyncio.AbstractEventLoop, protocol_factory: Factory, addresses: list[str], port: int
) -> asyncio.Transport:
    """Connect to whichever address answers first, starting with the first one."""
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
        if error.errno is None and isinstance(explain(error), Failure):
            # They failed for different reasons.
            raise Failure(f"none of the {len(addresses)} addresses can be connected to") from None
        raise explain(error) from None
    try:
        transport, _ = await loop.create_connection(protocol_factory, sock=connected)
    except BaseException:
        connected.close()
        raise
    return transport


@cache
def tls_context(*, verify: bool) -> ssl.SSLContext:
    """Return the process-wide context, with or without certificate verification.

    create_default_context is not used because it is strict about X.509 from Python 3.13 on: a
    site whose certificate browsers accept would be up with one Python and down with another.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_alpn_protocols(["http/1.1"])
    # OpenSSL's default list. Python's excludes cipher suites with SHA-1 or RSA key exchange, the
    # only ones of many older servers, which browsers accept with TLS 1.2.
    made.set_ciphers("DEFAULT")
    # If a server closes without notice, what counts is whether the body was complete.
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if verify:
        made.load_default_certs()
        # OpenSSL opens the certificates of a directory one by one, on demand. If no more files
        # could be opened then, it would call a good certificate untrusted, so all are read now.
        folder = ssl.get_default_verify_paths().capath
        for file in Path(folder).glob("*.[0-9]") if folder else ():
            # Skip files that can't be read, as OpenSSL does.
            with suppress(OSError):
                made.load_verify_locations(file)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


async def secure(
    transport: asyncio.Transport,
    protocol: asyncio.BaseProtocol,
    host: str,
    watch: Stopwatch,
    *,
    verify: bool,
) -> asyncio.Transport:
    """Return a transport that speaks TLS over `transport`; raise Failure if the handshake fails."""
    watch.phase = "in the TLS handshake"
    started = perf_counter()
    try:
        secured = await asyncio.get_running_loop().start_tls(
            transport,
            protocol,
            tls_context(verify=verify),
            # Names in certificates have no final dot, which an absolute name has.
            server_hostname=host.removesuffix("."),
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
        )
    except OSError as error:
        raise Failure(_describe(error, host)) from None
    if secured is None:
        raise Failure("TLS: the server closed the connection during the handshake")
    watch.tls_ms = added(watch.tls_ms, started)
    return secured


def certificate_expiry(transport: asyncio.Transport) -> float | None:
    """Return when the server's verified certificate expires (seconds since the epoch), or None."""
    certificate = transport.get_extra_info("ssl_object").getpeercert()
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None


def _describe(error: OSError, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _HOSTNAME_MISMATCH:
            return f"TLS: certificate is not valid for '{host}'"
        known = _CERTIFICATE_ERRORS.get(error.verify_code)
        return f"TLS: {known or error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if error.reason in _NOT_TLS:
            return "TLS: the server does not speak TLS on this port"
        if not error.reason:
            return "TLS: the handshake failed"
        return f"TLS: {error.reason.lower().replace('_', ' ')}"
    return "TLS: the server closed the connection during the handshake"
