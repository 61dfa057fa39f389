"""Subscribing in a browser: the dialog, and the pages that the links in emails open."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from app.settings import Settings
from tests.browser.serving import Service, running, wait_until
from tests.browser.viewing import PHONE, Pages, is_wider_than_screen, picture, serious_faults
from tests.mailserver import MailServer

ANN = "ann@example.com"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing_service(settings: Settings, mail_server: MailServer) -> Iterator[Service]:
    """Run the whole program, which sends mails."""
    url = f"smtp://127.0.0.1:{mail_server.port}"
    changes = {
        "smtp_url": url,
        "mail_from": "status@example.com",
        "public_url": "https://status.example.com",
    }
    with running(settings.model_copy(update=changes), checking=True) as service:
        yield service


def link(server: MailServer, place: int, name: str) -> str:
    """Return the path of a link in a mail; its host is not the test's."""
    wait_until(lambda: len(server.received) > place)
    found = re.search(
        rf"https://status\.example\.com(/\S*#{name}=\S+)", server.received[place].text
    )
    assert found
    return found[1]


@pytest.mark.parametrize("how", [{}, {"viewport": PHONE, "color_scheme": "dark"}])
def test_a_reader_subscribes_confirms_and_unsubscribes_with_links_in_emails(
    mailing_service: Service, mail_server: MailServer, pages: Pages, how: dict[str, Any]
) -> None:
    number = mailing_service.add("Shop", "http://127.0.0.1:9/", confirmations=10)
    mailing_service.add("Other", "http://127.0.0.1:9/", confirmations=10)
    page = pages.open(mailing_service.url, bypass_csp=True, **how)
    page.get_by_role("button", name="Subscribe").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email address").fill(ANN)
    dialog.get_by_label("Only selected monitors").check()
    dialog.get_by_label("Shop").check()
    assert serious_faults(page) == []
    assert not is_wider_than_screen(page)
    picture(page, "subscribe")
    dialog.get_by_role("button", name="Subscribe").click()
    expect(dialog.get_by_role("status")).to_contain_text("a confirmation link")

    page.goto(mailing_service.url + link(mail_server, 0, "confirm"))
    expect(page.get_by_role("heading")).to_have_text("Confirm your subscription")
    assert mailing_service.ask("/api/subscriptions")["total"] == 0
    assert serious_faults(page) == []
    picture(page, "subscription-confirm")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading")).to_have_text("You are subscribed")
    expect(page.locator("#text")).to_contain_text(f"{ANN} will get emails about Shop.")
    assert mailing_service.ask("/api/subscriptions")["items"][0]["monitor_ids"] == [number]

    for _ in range(10):
        mailing_service.check(number)
    page.goto(mailing_service.url + link(mail_server, 1, "unsubscribe"))
    expect(page.get_by_role("heading")).to_have_text("Unsubscribe?")
    assert mailing_service.ask("/api/subscriptions")["total"] == 1
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading")).to_have_text("You are unsubscribed")
    assert mailing_service.ask("/api/subscriptions")["total"] == 0


def test_an_invalid_email_address_gets_an_error_beside_its_field(
    mailing_service: Service, pages: Pages
) -> None:
    page = pages.open(mailing_service.url)
    page.get_by_role("button", name="Subscribe").click()
    field = page.get_by_label("Email address")
    field.fill("ann@localhost")

    page.get_by_role("dialog").get_by_role("button", name="Subscribe").click()

    expect(page.locator("#subscribe-error")).to_contain_text("must be a domain")
    expect(field).to_be_focused()


def test_the_feed_is_offered_if_emails_are_off(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(quiet_service.url)
    with page.expect_response("**/api/subscriptions/offer"):
        page.get_by_role("button", name="Subscribe").click()

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Atom feed")).to_have_attribute("href", "/feed.atom")
    expect(dialog.get_by_label("Email address")).to_have_count(0)


def test_a_link_that_no_longer_works_says_so(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(f"{quiet_service.url}/subscription/#confirm=old")

    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("alert")).to_contain_text("does not work any more")
    page.goto(f"{quiet_service.url}/subscription/")
    expect(page.get_by_role("button", name="Confirm")).to_be_hidden()
