"""Emails as a mail program parses them."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from app.subscriptions.message import message

OPENED, CLOSED = "2026-11-25T08:00:00+00:00", "2026-11-25T10:30:00+01:00"


def read(event: str, **changes: Any) -> EmailMessage:
    news = {
        "event": event,
        "monitor": {"id": 3, "name": changes.pop("name", "Shop")},
        "incident": {"cause": "status 503", "opened_at": OPENED, "closed_at": CLOSED},
    }
    payload = {"token": "t0ken", "news": [news] * changes.pop("times", 1)}
    values: dict[str, Any] = {
        "sender": "status@example.com",
        "to": "ann@example.com",
        "base": "https://status.example.com",
        "number": 7,
        "created_at": datetime(2026, 11, 25, 9, tzinfo=UTC),
        "event": event,
        "payload": payload,
        "unsubscribe_token": "w4y-out",
    }
    sent = message(**(values | changes)).as_bytes(policy=email.policy.SMTP)
    return email.message_from_bytes(sent.replace(b"\r\n", b"\n"), policy=email.policy.default)


def test_an_outage_says_what_since_when_and_why() -> None:
    mail = read("incident.opened")

    assert mail["Subject"] == "Shop is down"
    assert mail["From"] == "Stagewatch <status@example.com>"
    assert mail["To"] == "ann@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().startswith(
        "Shop has been down since 2026-11-25 08:00 UTC.\nCause: status 503\n"
        "https://status.example.com/#monitor-3\n\n"
    )


def test_its_end_says_how_long_it_was() -> None:
    text = read("incident.closed").get_content()

    assert "down from 2026-11-25 08:00 UTC to 2026-11-25 09:30 UTC: status 503" in text


def test_a_mail_lists_many_outages_and_counts_the_rest() -> None:
    mail = read("incident.opened", times=60)

    assert mail["Subject"] == "Shop is down, and 59 more"
    assert mail.get_content().count("Shop has been down") == 50
    assert "And 10 more: https://status.example.com/\n" in mail.get_content()


@pytest.mark.parametrize("event", ["incident.opened", "incident.closed"])
def test_every_mail_has_an_unsubscribe_link(event: str) -> None:
    mail = read(event)

    assert mail["List-Unsubscribe"] == "<https://status.example.com/unsubscribe/w4y-out>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = "Unsubscribe: https://status.example.com/subscription/#unsubscribe=w4y-out"
    assert link in mail.get_content().splitlines()


def test_a_link_to_confirm_is_all_that_a_confirmation_has() -> None:
    mail = read("confirm", unsubscribe_token=None)

    assert "https://status.example.com/subscription/#confirm=t0ken\n" in mail.get_content()
    assert mail["List-Unsubscribe"] is None


def test_building_a_mail_twice_gives_the_same_mail() -> None:
    assert read("incident.opened").as_string() == read("incident.opened").as_string()
    assert read("incident.opened")["Message-ID"] != read("incident.opened", number=8)["Message-ID"]


@pytest.mark.parametrize("name", ["Läden", "日本語 " * 30, "W" * 200, "<b>&"])
def test_any_name_arrives_as_it_is(name: str) -> None:
    mail = read("incident.opened", name=name.strip())

    assert mail["Subject"] == f"{name.strip()} is down"
    assert mail.get_content().startswith(f"{name.strip()} has been down since")


def test_a_name_adds_no_header() -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        read("incident.opened", name="Shop\r\nBcc: eve@example.com")
