"""A connection to the operator's mail server, with time limits for everything.

The guard of app.probing is not used because users never choose where this connects: the address is
the operator's own setting, and usually in a private network.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from app.probing.result import printable
from app.settings import Settings

# Seconds for connecting, including TLS and login, and for one mail.
CONNECT_SECONDS = 10.0
MAIL_SECONDS = 15.0
QUIT_SECONDS = 1.0
# Characters kept of a server's answer.
LONGEST_ANSWER = 300


class ServerError(Exception):
    """The server can't be used now; the mail was not started, so this says nothing about it."""


class MailError(Exception):
    """A mail was not accepted. `permanent`: it never will be; `bounced`: there is no such address.

    `is_lost`: the connection can't be used any more.
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, bounced: bool = False, is_lost: bool = False
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.bounced = bounced
        self.is_lost = is_lost


class Mailing(NamedTuple):
    """The configuration for sending mails: a server, a sender, and the address for links."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    starttls: bool | None
    sender: str
    base: str


def mailing_of(settings: Settings) -> Mailing | None:
    """Return the configuration for sending mails, or None if one of the settings is missing."""
    if not settings.offers_mail:
        return None
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    assert settings.public_url is not None
    parts = urlsplit(settings.smtp_url)
    tls = parts.scheme == "smtps"
    # Opportunistic without a password. With one, an attacker who removes STARTTLS from the
    # server's answer must not be able to read it.
    starttls: bool | None = True if parts.password else None
    if tls or parts.query == "starttls=never":
        starttls = False
    return Mailing(
        host=parts.hostname or "",
        port=parts.port or (465 if tls else 587),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
        starttls=starttls,
        sender=settings.mail_from,
        base=settings.public_url,
    )


class Connection:
    """An open connection, for one mail at a time."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, to: str, mail: EmailMessage) -> str:
        """Send a mail; return what the server answered. Raises MailError and ServerError."""
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                return await self._send(to, mail.as_bytes(policy=SMTP_POLICY))
        except TimeoutError:
            # The mail may have been accepted, with only the answer missing.
            reason = f"the mail server did not answer within {MAIL_SECONDS:g} s"
            raise MailError(reason, is_lost=True) from None
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except (SMTPException, OSError) as error:
            raise MailError(f"connection lost: {_line(error)}", is_lost=True) from None

    async def _send(self, to: str, content: bytes) -> str:
        try:
            await self._client.mail(self._sender)
        except SMTPResponseException as error:
            # This concerns the sender: no mail would be accepted.
            raise ServerError(f"the sender is refused: {_line(error)}") from None
        try:
            await self._client.rcpt(to)
        except SMTPResponseException as error:
            if error.code != 421:
                # If the connection is gone, the next mail will fail.
                with suppress(SMTPException, OSError):
                    await self._client.rset()
                raise _refusal(error, recipient=True) from None
            raise
        response = await self._client.data(content)
        return f"{response.code} {response.message}"[:LONGEST_ANSWER]


class _Client(SMTP):
    """A client that aborts its connection on close: a proper TLS shutdown waits for an answer."""

    def close(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        super().close()


@asynccontextmanager
async def connected(mailing: Mailing) -> AsyncIterator[Connection]:
    """Connect, with TLS and password. Raises ServerError."""
    client = _Client(
        hostname=mailing.host,
        port=mailing.port,
        username=mailing.user,
        password=mailing.password,
        use_tls=mailing.tls,
        start_tls=mailing.starttls,
        tls_context=_trusted(),
        # Set here because a lookup may hang, and would block the whole event loop.
        local_hostname=urlsplit(mailing.base).hostname,
        timeout=MAIL_SECONDS,
    )
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect()
        except TimeoutError:
            reason = f"the mail server did not answer within {CONNECT_SECONDS:g} s"
            raise ServerError(reason) from None
        except (SMTPException, OSError, ValueError) as error:
            raise ServerError(f"no connection to the mail server: {_line(error)}") from None
        yield Connection(client, mailing.sender)
        # Everything has been accepted by now: how the server responds to QUIT does not matter.
        with suppress(SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await client.execute_command(b"QUIT")
    finally:
        client.close()


@cache
def _trusted() -> ssl.SSLContext:
    """Return the context for verifying certificates; cached, as loading it takes milliseconds."""
    return ssl.create_default_context()


def _refusal(error: SMTPResponseException, *, recipient: bool = False) -> MailError:
    """Return the error for an answer, by its code (RFC 5321, 4.2) and enhanced code (RFC 3463)."""
    if error.code == 421:
        return MailError(f"the mail server closed the connection: {_line(error)}", is_lost=True)
    permanent = 500 <= error.code < 600
    enhanced = error.message.partition(" ")[0]
    # Policy, 5.7.x, is not about the address: a relay that refuses us would bounce all of them.
    bounced = permanent and recipient and not enhanced.startswith("5.7.")
    return MailError(f"refused: {_line(error)}", permanent=permanent, bounced=bounced)


def _line(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        # Made printable, whatever characters it contains: it is logged and stored.
        return printable(f"{error.code} {error.message}", LONGEST_ANSWER)
    return printable(str(error) or type(error).__name__, LONGEST_ANSWER)
