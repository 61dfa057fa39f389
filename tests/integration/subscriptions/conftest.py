"""Subscribers, and settings that allow subscriptions."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.services import query

ANN = "ann@example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings with everything that mails need."""
    mailing = {
        "smtp_url": "smtp://mail.example.com",
        "mail_from": "status@example.com",
        "public_url": "https://status.example.com",
    }
    return settings.model_copy(update=mailing)


def ask(client: TestClient, email: str, **body: Any) -> Any:
    return client.post("/api/subscriptions", json={"email": email} | body)


def sent(database_url: str, email: str) -> str:
    """Return the token of the latest link for an address."""
    mails = f"SELECT payload ->> 'token' AS token FROM mails WHERE lower(email) = lower('{email}')"
    token: str = query(database_url, f"{mails} ORDER BY id DESC LIMIT 1")[0]["token"]
    return token


def subscribe(client: TestClient, database_url: str, email: str = ANN, **body: Any) -> Any:
    """Subscribe as a reader does; return what the page shows then."""
    assert ask(client, email, **body).status_code == 202
    token = sent(database_url, email)
    confirmed = client.post("/api/subscriptions/confirm", json={"token": token})
    assert confirmed.status_code == 200, confirmed.text
    return confirmed.json()
