"""The operator's mail server: one connection, on which nothing waits longer than its limit.

The guard of app.probing is not asked: what a user enters never says where this goes. The address
is the operator's own setting, and most often in a private network.
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

# Seconds to connect, with TLS and password, and for one mail.
CONNECT_SECONDS = 10.0
MAIL_SECONDS = 15.0
QUIT_SECONDS = 1.0
# Characters of an answer that are kept.
LONGEST_ANSWER = 300


class ServerError(Exception):
    """The server can't be used now; it says nothing about the mail, which was not begun."""


class MailError(Exception):
    """A mail was not taken. `permanent`: nor will it be; `bounced`: there is no such address.

    `is_lost`: neither is the connection to be used any more.
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, bounced: bool = False, is_lost: bool = False
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.bounced = bounced
        self.is_lost = is_lost


class Mailing(NamedTuple):
    """What it takes to send mails: a server, a sender, and the address for links."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    starttls: bool | None
    sender: str
    base: str


def mailing_of(settings: Settings) -> Mailing | None:
    """Return how mails are sent; None where one of the settings is missing."""
    if not settings.offers_mail:
        return None
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    assert settings.public_url is not None
    parts = urlsplit(settings.smtp_url)
    tls = parts.scheme == "smtps"
    # Opportunistic without a password. With one, who takes STARTTLS out of the server's answer
    # must not read it.
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
    """An open connection, for one mail after the other."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, to: str, mail: EmailMessage) -> str:
        """Send a mail; return what the server answered. Raises MailError and ServerError."""
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                return await self._send(to, mail.as_bytes(policy=SMTP_POLICY))
        except TimeoutError:
            # Perhaps it was taken, and only the answer has not come.
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
            # About this sender: no mail would be taken.
            raise ServerError(f"the sender is refused: {_line(error)}") from None
        try:
            await self._client.rcpt(to)
        except SMTPResponseException as error:
            if error.code != 421:
                # Where the connection is gone, the next mail says so.
                with suppress(SMTPException, OSError):
                    await self._client.rset()
                raise _refusal(error, recipient=True) from None
            raise
        response = await self._client.data(content)
        return f"{response.code} {response.message}"[:LONGEST_ANSWER]


class _Client(SMTP):
    """A client whose end is not one in due form, for which TLS waits for an answer of its own."""

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
        # Not asked of the resolver, which may hang, and would hang the whole event loop.
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
        # Everything has been taken by then: how the server says goodbye changes nothing.
        with suppress(SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await client.execute_command(b"QUIT")
    finally:
        client.close()


@cache
def _trusted() -> ssl.SSLContext:
    """Return what certificates are checked with; reading it all again takes some milliseconds."""
    return ssl.create_default_context()


def _refusal(error: SMTPResponseException, *, recipient: bool = False) -> MailError:
    """Return what an answer means: by its code (RFC 5321, 4.2) and its enhanced one (RFC 3463)."""
    if error.code == 421:
        return MailError(f"the mail server closes: {_line(error)}", is_lost=True)
    permanent = 500 <= error.code < 600
    enhanced = error.message.partition(" ")[0]
    # Policy, 5.7.x, is no fault of the address: a relay that refuses us would lose all of them.
    bounced = permanent and recipient and not enhanced.startswith("5.7.")
    return MailError(f"refused: {_line(error)}", permanent=permanent, bounced=bounced)


def _line(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        # In whatever characters it says it, or in none: it is logged and stored.
        return printable(f"{error.code} {error.message}", LONGEST_ANSWER)
    return printable(str(error) or type(error).__name__, LONGEST_ANSWER)
