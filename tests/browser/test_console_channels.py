"""Channels in the console, in a browser, with a real webhook receiver."""

from playwright.sync_api import expect

from tests.browser.serving import Service
from tests.browser.viewing import Pages, picture
from tests.sites import Site


def test_a_channel_is_added_and_its_test_shows_what_it_answered(
    service: Service, site: Site, pages: Pages
) -> None:
    site.body = b"thanks a lot"
    page = pages.open(f"{service.url}/console/#/channels")
    page.get_by_role("link", name="Add a channel").click()
    page.get_by_label("Name").fill("On call")
    page.get_by_label("URL", exact=True).fill(f"{site.url}hook")

    page.get_by_role("button", name="Save").click()
    secret = page.get_by_role("dialog", name="Secret for “On call”")
    expect(secret.locator("code")).to_contain_text("whsec_")
    secret.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Test On call").click()

    outcome = page.locator(".line-found")
    expect(outcome).to_contain_text("Delivered", timeout=30_000)
    expect(outcome).to_contain_text("200 OK")
    expect(outcome).to_contain_text("thanks a lot")
    picture(page, "console-channel-test")
    assert len(site.posted) == 1


def test_a_channel_that_fails_says_why_and_when_it_is_tried_again(
    service: Service, site: Site, pages: Pages
) -> None:
    site.status = 500
    site.body = b"<b>no</b> room"
    service.ask("/api/channels", {"name": "Chat", "kind": "webhook", "url": site.url})
    page = pages.open(f"{service.url}/console/#/channels")

    page.get_by_role("button", name="Test Chat").click()

    outcome = page.locator(".line-found")
    expect(outcome).to_contain_text("Test failed", timeout=30_000)
    expect(outcome).to_contain_text("<b>no</b> room")
    expect(outcome).to_contain_text("Next attempt at")
    expect(page.get_by_text("Failed 1 time")).to_be_visible()


def test_a_channel_is_changed_without_its_secrets_and_deleted(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    chat = {"name": "Chat", "kind": "apprise", "url": "json://user:hunter2@example.com/"}
    quiet_service.ask("/api/channels", chat)
    page = pages.open(f"{quiet_service.url}/console/#/channels")
    page.get_by_role("link", name="Edit Chat").click()
    expect(page.get_by_label("Apprise URL")).to_have_value("")

    page.get_by_label("Name").fill("Team chat")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Delete Team chat").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("heading", name="No channels yet")).to_be_visible()
    assert quiet_service.ask("/api/channels")["items"] == []
