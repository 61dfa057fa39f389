"""Adding monitors in the console, in a browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.serving import Service
from tests.browser.viewing import Pages, picture
from tests.sites import Site

# Milliseconds: a check every 5 seconds, and its consequences.
LONG = 30_000


def url_field(page: Page) -> Locator:
    return page.get_by_label("URL or host to monitor")


def busy(route: Route) -> None:
    route.fulfill(
        status=503,
        content_type="application/problem+json",
        body='{"title": "Service Unavailable", "status": 503, "detail": "The database is away."}',
    )


def test_from_a_url_alone_to_an_incident_and_back(
    service: Service, site: Site, pages: Pages
) -> None:
    site.body = b"<title>Corner Shop</title> welcome"
    page = pages.open(f"{service.url}/console/")
    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()

    url_field(page).fill(site.url)
    url_field(page).press("Enter")
    expect(page.get_by_text("Check passed")).to_be_visible()
    expect(page.locator(".timing-names")).to_contain_text("Total")
    name = page.get_by_label("Name", exact=True).input_value()
    picture(page, "console-suggested")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".view .pill").first).to_have_text("Up", timeout=LONG)
    monitor = service.ask("/api/monitors")["items"][0]
    soon = {"interval_seconds": 5, "confirmations": 1, "timeout_seconds": 2}
    service.ask(f"/api/monitors/{monitor['id']}", soon, method="PATCH")
    page.get_by_role("link", name="Incidents").click()
    expect(page.get_by_role("heading", name="Nothing is down")).to_be_visible()

    site.status = 503

    open_incidents = page.locator("section", has=page.get_by_role("heading", name="Open"))
    expect(open_incidents.get_by_role("link", name=name)).to_be_visible(timeout=LONG)
    expect(page.locator("#open-count")).to_contain_text("1")
    open_incidents.get_by_role("button", name="Acknowledge").click()
    page.get_by_label("Your name").fill("Ada")
    page.keyboard.press("Enter")
    expect(open_incidents).to_contain_text("Ada")
    open_incidents.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} is down")
    expect(page.get_by_role("heading", name="During the incident")).to_be_visible()
    expect(page.get_by_role("heading", name="In the hour before")).to_be_visible()
    expect(page.locator(".timing-bar")).to_have_count(2)
    expect(page.get_by_role("region", name="Checks around the incident")).to_contain_text("503")
    picture(page, "console-incident")

    site.status = 200

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} was down", timeout=LONG)
    expect(page.locator("#open-count")).to_be_hidden()


def test_a_keyboard_is_enough_to_add(quiet_service: Service, site: Site, pages: Pages) -> None:
    page = pages.open(f"{quiet_service.url}/console/")
    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()

    page.keyboard.press("n")
    expect(url_field(page)).to_be_focused()
    page.keyboard.type(site.url)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_focused()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"#/monitors/\d+$"))
    assert len(quiet_service.ask("/api/monitors")["items"]) == 1


@pytest.mark.parametrize("kind", ["tcp", "dns", "heartbeat"])
def test_every_kind_can_be_added(quiet_service: Service, pages: Pages, kind: str) -> None:
    fields = {
        "tcp": {"Host": "127.0.0.1", "Port": "5432"},
        "dns": {"Name to look up": "example.com"},
        "heartbeat": {"Time between calls (seconds)": "3600"},
    }
    page = pages.open(f"{quiet_service.url}/console/#/add?kind={kind}")

    page.get_by_label("Name", exact=True).fill(f"A {kind}")
    for label, value in fields[kind].items():
        page.get_by_role("textbox", name=label).fill(value)
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(f"A {kind}")
    if kind == "heartbeat":
        token = quiet_service.ask("/api/monitors")["items"][0]["token"]
        address = f"{quiet_service.url}/ping/{token}"
        expect(page.locator(".copyable").first).to_contain_text(address)
        expect(page.locator(".copyable").nth(2)).to_contain_text("0 * * * * /path/to/job && curl")


def test_an_invalid_field_shows_its_error_and_gets_the_focus(
    quiet_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{quiet_service.url}/console/#/add")
    page.get_by_label("URL", exact=True).fill("https://example.com")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_text("What counts as up").click()
    statuses = page.get_by_label("Accepted status codes")
    statuses.fill("200-299, many")
    page.get_by_text("What counts as up").click()
    expect(statuses).to_be_hidden()

    page.get_by_role("button", name="Add", exact=True).click()

    expect(statuses).to_be_focused()
    expect(statuses).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=statuses).locator(".error")).to_contain_text("many")
    expect(page.get_by_label("URL", exact=True)).to_have_value("https://example.com")


def test_typed_text_except_secrets_survives_an_error_and_a_reload(
    quiet_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{quiet_service.url}/console/#/add")
    page.get_by_label("URL", exact=True).fill("https://example.com")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_text("Request", exact=True).click()
    page.get_by_role("button", name="Add a header").click()
    page.get_by_label("Header name").fill("Authorization")
    page.get_by_label("Header value").fill("Bearer hunter2")
    page.route("**/api/monitors", busy)

    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.locator(".view .notice").first).to_contain_text("The database is away.")
    expect(page.get_by_label("Header value")).to_have_value("Bearer hunter2")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Shop")
    expect(page.get_by_label("Header name")).to_have_value("Authorization")
    expect(page.get_by_label("Header value")).to_have_value("")
    assert "hunter2" not in page.evaluate("JSON.stringify(sessionStorage)")


def test_testing_a_new_monitor_shows_what_it_would_find(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    site.body = b"Sorry, we are closed"
    page = pages.open(f"{quiet_service.url}/console/#/add")
    page.get_by_label("URL", exact=True).fill(site.url)
    page.get_by_text("What counts as up").click()
    page.get_by_label("Keyword in the response").fill("welcome")

    page.get_by_role("button", name="Test monitor").click()

    expect(page.locator(".probe")).to_contain_text("Check failed")
    expect(page.locator(".probe .row-error")).to_have_text("keyword not found")
    expect(page.locator(".probe .timing-names")).to_contain_text("First byte")


def test_many_are_added_from_a_list(quiet_service: Service, site: Site, pages: Pages) -> None:
    quiet_service.add("Old", site.url)
    page = pages.open(f"{quiet_service.url}/console/#/import")
    expect(page.locator("#connection")).to_have_text("Live")
    lines = [
        "# our sites",
        "https://example.com",
        "Shop, https://shop.example.com/health",
        "example.org  # without a scheme",
        "https://example.com",
        "ftp://example.com",
        site.url,
        "Port, https://example.com:99999/",
    ]

    page.get_by_label("URLs or hosts, one per line").fill("\n".join(lines))
    page.get_by_label("Tags for all monitors").fill("imported")

    table = page.get_by_role("region", name="Import preview")
    expect(page.get_by_text("3 monitors to add, 1 already monitored, 3 invalid")).to_be_visible()
    expect(table.locator("tbody tr").first).to_contain_text("Duplicate of line 2")
    expect(table.locator("tr", has_text="already monitored")).to_contain_text("Old")
    picture(page, "console-import")
    page.get_by_role("button", name="Add 3 monitors").click()

    expect(page.locator(".monitor-row")).to_have_count(4)
    added = quiet_service.ask("/api/monitors?tag=imported")["items"]
    assert [(monitor["name"], monitor["url"]) for monitor in added] == [
        ("example.com", "https://example.com/"),
        ("Shop", "https://shop.example.com/health"),
        ("example.org", "https://example.org/"),
    ]


def test_a_line_that_the_api_refuses_is_marked_and_the_others_are_added(
    quiet_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{quiet_service.url}/console/#/import")
    page.get_by_label("URLs or hosts, one per line").fill(
        "https://example.com\nhttps://exa_mple..org"
    )

    page.get_by_role("button", name="Add 2 monitors").click()

    expect(page.locator("tbody tr").first).to_contain_text("skipped")
    expect(page.get_by_text("No monitors were added.")).to_be_visible()
    assert quiet_service.ask("/api/monitors")["items"] == []
