"""A real mail server on this machine that accepts, rejects or delays messages."""

import asyncio
import email
import email.policy
import ssl
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.background import BackgroundServers


class Received(NamedTuple):
    """A received mail: its recipients, and the parsed message."""

    to: str
    message: EmailMessage

    @property
    def text(self) -> str:
        text: str = self.message.get_content()
        return text


class MailServer(BackgroundServers):
    """Keeps what it takes. `answers`: to a recipient, by address. `holds`: it does not say so."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, str | bytes] = {}
        self.holds = False
        self.logins: list[bytes] = []
        self._tls = tls

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._let_go = asyncio.Event()
        self._server = await loop.create_server(self._connection, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._let_go.set()
        self._server.close()

    def let_go(self) -> None:
        """Accept all held mails."""
        self.holds = False
        self._loop.call_soon_threadsafe(self._let_go.set)

    def to(self, address: str) -> list[Received]:
        """Return the mails for an address, oldest first."""
        return [mail for mail in self.received if mail.to == address]

    def _connection(self) -> SMTP:
        return SMTP(
            self,
            loop=asyncio.get_running_loop(),
            hostname="mail.test",
            tls_context=self._tls,
            authenticator=self._authenticate,
            auth_require_tls=True,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        self.logins.append(login.password)
        return AuthResult(success=login.password == b"right", handled=False)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | bytes:
        answer = self.answers.get(address, "250 OK")
        if answer[:1] in ("2", b"2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content or b""
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        self.received += [Received(address, message) for address in envelope.rcpt_tos]
        if self.holds:
            await self._let_go.wait()
        return "250 OK"
