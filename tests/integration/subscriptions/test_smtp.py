"""The connection to the operator's mail server, and what must not be sent over it."""

import asyncio
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
import trustme

from app.settings import Settings
from app.subscriptions import smtp
from app.subscriptions.smtp import MailError, ServerError, connected, mailing_of
from tests.mailserver import MailServer


@pytest.fixture
def secure_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """Run a server that speaks STARTTLS, with a certificate that we trust."""
    authority = trustme.CA()
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(offered)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    monkeypatch.setattr(smtp, "_trusted", lambda: trusted)
    with MailServer(tls=offered) as server:
        yield server


def send(url: str, to: str = "ann@example.com") -> str:
    """Return what the server answered."""
    settings = Settings(
        smtp_url=url, mail_from="status@example.com", public_url="https://status.example.com"
    )
    mailing = mailing_of(settings)
    assert mailing is not None
    mail = EmailMessage()
    mail.set_content("Hello")

    async def run() -> str:
        async with connected(mailing) as connection:
            return await connection.send(to, mail)

    return asyncio.run(run())


def test_a_password_goes_over_tls(secure_server: MailServer) -> None:
    url = f"smtp://me:right@localhost:{secure_server.port}"

    assert send(url).startswith("250")

    assert secure_server.logins == [b"right"]


def test_the_reply_to_a_wrong_password_is_reported(secure_server: MailServer) -> None:
    with pytest.raises(ServerError, match="535"):
        send(f"smtp://me:wr%40ng@localhost:{secure_server.port}")

    # With each authentication mechanism of the server.
    assert set(secure_server.logins) == {b"wr@ng"}


def test_a_password_is_not_sent_where_tls_is_not_offered(mail_server: MailServer) -> None:
    with pytest.raises(ServerError, match="no connection to the mail server"):
        send(f"smtp://me:right@127.0.0.1:{mail_server.port}")

    assert mail_server.logins == []


def test_an_untrusted_certificate_is_refused(
    secure_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_trusted", ssl.create_default_context)

    with pytest.raises(ServerError):
        send(f"smtp://me:right@localhost:{secure_server.port}")
    assert send(f"smtp://localhost:{secure_server.port}?starttls=never").startswith("250")

    assert secure_server.logins == []


@pytest.mark.parametrize(
    ("answer", "permanent", "bounced"),
    [
        ("450 4.2.1 later", False, False),
        ("550 5.1.1 no such user", True, True),
        ("551 moved", True, True),
        ("554 5.7.1 relay access denied", True, False),
    ],
)
def test_a_reply_for_a_recipient_is_classified_by_its_code(
    mail_server: MailServer, answer: str, permanent: bool, bounced: bool
) -> None:
    mail_server.answers["ann@example.com"] = answer

    with pytest.raises(MailError, match=answer) as raised:
        send(f"smtp://127.0.0.1:{mail_server.port}")

    found: Any = raised.value
    assert (found.permanent, found.bounced, found.is_lost) == (permanent, bounced, False)


def test_a_server_that_shuts_down_does_not_fail_the_mail(mail_server: MailServer) -> None:
    mail_server.answers["ann@example.com"] = "421 4.3.2 shutting down"

    with pytest.raises(MailError) as raised:
        send(f"smtp://127.0.0.1:{mail_server.port}")

    assert raised.value.is_lost
    assert not raised.value.permanent
