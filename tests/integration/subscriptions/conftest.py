"""Fixtures: subscribers, a worker that sends them emails, and a mail server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.integration.notifications.conftest import until
from tests.mailserver import MailServer, Received
from tests.services import query

BASE = "https://status.example.com"
SENDER = "status@example.com"
ANN = "ann@example.com"
# Makes all mails due for their next attempt.
DUE = "UPDATE mails SET next_attempt_at = now() WHERE NOT sending RETURNING 1"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, mail_server: MailServer) -> Settings:
    url = f"smtp://127.0.0.1:{mail_server.port}"
    return settings.model_copy(update={"smtp_url": url, "mail_from": SENDER, "public_url": BASE})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry a failed server at once."""
    monkeypatch.setattr("app.subscriptions.mailing.FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr("app.subscriptions.mailing.LONGEST_REST_SECONDS", 0.1)


def ask(client: TestClient, email: str, **body: Any) -> Any:
    return client.post("/api/subscriptions", json={"email": email} | body)


def link(mail: Received, name: str) -> str:
    """Return the token of a link in a mail."""
    found = re.search(rf"{BASE}/subscription/#{name}=(\S+)", mail.text)
    assert found, mail.text
    return found[1]


def subscribe(client: TestClient, server: MailServer, email: str = ANN, **body: Any) -> Any:
    """Subscribe as a reader does; return what the page shows then."""
    before = len(server.to(email))
    assert ask(client, email, **body).status_code == 202
    until(lambda: len(server.to(email)) > before)
    token = link(server.to(email)[-1], "confirm")
    confirmed = client.post("/api/subscriptions/confirm", json={"token": token})
    assert confirmed.status_code == 200, confirmed.text
    return confirmed.json()


def add_subscribers(database_url: str, count: int) -> None:
    query(
        database_url,
        f"""
        INSERT INTO subscriptions (email, unsubscribe_token)
        SELECT 'reader' || n || '@example.com', md5(n::text) FROM generate_series(1, {count}) n
        """,
    )


def mails(database_url: str, state: str) -> int:
    rows = query(database_url, f"SELECT count(*) FROM mails WHERE state = '{state}'")
    count: int = rows[0]["count"]
    return count
