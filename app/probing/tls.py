"""TLS for the checks: one context per mode of verification, errors in plain words."""

import asyncio
import ssl
from functools import cache
from time import perf_counter

from app.probing.failure import Failure
from app.probing.stopwatch import Stopwatch, added

# The deadline of the whole check is the limit; the library insists on one of its own.
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


@cache
def context(verify: bool) -> ssl.SSLContext:
    """Return the process's one context, with or without verification of certificates.

    Built by hand, because create_default_context asks for X.509 strictness from Python 3.13 on:
    a certificate that browsers take would be down on one Python and up on another.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_alpn_protocols(["http/1.1"])
    # A server that closes without notice is judged by whether the body was complete.
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if verify:
        made.load_default_certs()
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


async def secure(
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    host: str,
    verify: bool,
    watch: Stopwatch,
) -> asyncio.Transport:
    """Return a transport that speaks TLS over `transport`; raise Failure if the handshake fails."""
    watch.phase = "in the TLS handshake"
    started = perf_counter()
    try:
        secured = await asyncio.get_running_loop().start_tls(
            transport,
            protocol,
            context(verify),
            # The final dot of an absolute name is no part of it in a certificate.
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
    """Return when the server's verified certificate expires, in seconds since the epoch."""
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
