"""Signing in to the console where the API requires a key."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from app.settings import Settings
from tests.browser.serving import Service, running
from tests.browser.test_console_views import each_view, fill_with
from tests.browser.viewing import PHONE, Pages, is_wider_than_screen, picture, serious_faults
from tests.sites import Site

FIRST = "of-the-operator-" + 32 * "x"


@pytest.fixture
def guarded_service(settings: Settings) -> Iterator[Service]:
    """Run it with required keys and without checks: only the test changes anything."""
    required = settings.model_copy(update={"api_keys": "required", "api_key": SecretStr(FIRST)})
    with running(required, checking=False) as service:
        yield service


def make_key(service: Service, scope: str = "write") -> Any:
    return service.ask("/api/keys", {"name": f"to {scope}", "scope": scope})


def sign_in(page: Page, key: str, *, remember: bool = False) -> None:
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("API key").fill(key)
    if remember:
        dialog.get_by_label("Remember on this device").check()
    dialog.get_by_role("button", name="Sign in").click()


def test_the_console_asks_for_a_key_and_shows_everything_with_it(
    guarded_service: Service, site: Site, pages: Pages
) -> None:
    guarded_service.add("Shop", site.url)
    page = pages.open(f"{guarded_service.url}/console/")
    dialog = page.get_by_role("dialog", name="Sign in")

    expect(dialog).to_be_visible()
    expect(page.get_by_role("link", name="Shop")).to_have_count(0)
    sign_in(page, "not a key")
    expect(dialog).to_contain_text("Enter a key without spaces")
    sign_in(page, "sw_" + 43 * "A")
    expect(dialog).to_contain_text("There is no such key.")
    sign_in(page, FIRST)

    expect(page.get_by_role("link", name="Shop")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_events_show_every_detail_with_a_key(
    guarded_service: Service, site: Site, pages: Pages
) -> None:
    number = guarded_service.add("Shop", site.url, keyword="hunter2")
    guarded_service.check(number)
    page = pages.open(f"{guarded_service.url}/console/")
    sign_in(page, FIRST)
    expect(page.get_by_role("link", name="Shop")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")

    guarded_service.ask(f"/api/monitors/{number}/pause", method="POST")
    expect(page.locator(".monitor-row")).to_contain_text("Paused")
    guarded_service.ask(f"/api/monitors/{number}/resume", method="POST")
    guarded_service.check(number)

    expect(page.locator(".monitor-row")).to_contain_text("keyword not found")


def test_a_key_is_kept_for_the_tab_or_for_the_device(
    guarded_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{guarded_service.url}/console/")
    dialog = page.get_by_role("dialog", name="Sign in")
    sign_in(page, FIRST)
    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()

    page.reload()
    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{guarded_service.url}/console/")
    expect(other.get_by_role("dialog", name="Sign in")).to_be_visible()
    sign_in(other, FIRST, remember=True)
    expect(other.get_by_role("heading", name="Add your first monitor")).to_be_visible()
    third = page.context.new_page()
    third.goto(f"{guarded_service.url}/console/")
    expect(third.get_by_role("heading", name="Add your first monitor")).to_be_visible()

    third.get_by_role("button", name="Sign out").click()
    expect(third.get_by_role("dialog", name="Sign in")).to_be_visible()
    stored = "JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"
    assert FIRST not in third.evaluate(stored)
    expect(dialog).to_have_count(0)


def test_a_revoked_key_is_reported_and_typed_text_is_kept(
    guarded_service: Service, pages: Pages
) -> None:
    made = make_key(guarded_service)
    page = pages.open(f"{guarded_service.url}/console/#/add")
    sign_in(page, made["token"])
    # The form is rendered again after signing in; text typed before that goes into the old one.
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Typed before")
    page.get_by_label("URL", exact=True).fill("https://example.com/")

    guarded_service.ask(f"/api/keys/{made['id']}", method="DELETE")

    # Its event stream has ended, and the next request is refused.
    dialog = page.get_by_role("dialog", name="Sign in")
    expect(dialog).to_contain_text("This key was revoked.")
    sign_in(page, FIRST)
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed before")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Typed before")).to_be_visible()


def test_the_sign_in_dialog_does_not_reopen_after_it_is_closed(
    guarded_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{guarded_service.url}/console/")
    page.get_by_role("dialog", name="Sign in").get_by_role("button", name="Close").click()

    expect(page.get_by_role("alert")).to_contain_text("You are not signed in")
    page.get_by_role("link", name="Channels").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, FIRST)
    expect(page.get_by_role("link", name="Add a channel")).to_be_visible()


def test_the_status_page_asks_for_no_api_key(
    guarded_service: Service, site: Site, pages: Pages
) -> None:
    number = guarded_service.add("Shop", site.url, keyword="hunter2")
    guarded_service.check(number)
    page = pages.open(f"{guarded_service.url}/#monitor-{number}")

    expect(page.locator("#headline-title")).to_have_text("Shop is down")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.get_by_role("dialog", name="Shop")).to_contain_text("1 check, 1 failed")
    expect(page.get_by_role("dialog", name="Shop")).to_contain_text("the answer is not as expected")
    assert "keyword" not in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_signing_in(
    guarded_service: Service, pages: Pages, scheme: str
) -> None:
    page = pages.open(
        f"{guarded_service.url}/console/",
        bypass_csp=True,
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()

    assert serious_faults(page) == []
    picture(page, f"console-{scheme}-sign-in")


def test_the_sign_in_dialog_fits_on_a_phone(guarded_service: Service, pages: Pages) -> None:
    page = pages.open(f"{guarded_service.url}/console/", viewport=PHONE, has_touch=True)
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    assert not is_wider_than_screen(page)

    sign_in(page, make_key(guarded_service, "read")["token"])

    expect(page.locator("#read-only")).to_be_visible()
    assert not is_wider_than_screen(page)
    picture(page, "console-phone-read-only")


def test_a_read_only_key_shows_everything_and_changes_nothing(
    guarded_service: Service, site: Site, pages: Pages
) -> None:
    ids = fill_with(guarded_service, site, "of ours")
    page = pages.open(f"{guarded_service.url}/console/", bypass_csp=True, reduced_motion="reduce")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    sign_in(page, make_key(guarded_service, "read")["token"])
    expect(page.locator("#read-only")).to_contain_text("“to read” is read-only")
    faults = {}

    for path in each_view(page, guarded_service, ids):
        faults[path] = serious_faults(page)
        for button in page.locator("#view .button[aria-disabled=true]").all():
            button.click(force=True)
            expect(page.get_by_text("Your key is read-only").first).to_be_visible()
            page.get_by_role("button", name="Dismiss").first.click()
    page.goto(f"{guarded_service.url}/console/#/monitors/{ids['down']}")
    expect(page.get_by_role("button", name="Delete")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("p")
    expect(page.get_by_text("Your key is read-only")).to_be_visible()

    assert set(requests) == {"GET"}
    assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/monitors", ["Import a list", "New monitor", "Check"]),
        ("/monitors/{down}", ["Check now", "Pause", "Edit", "Delete"]),
        ("/incidents/{incident}", []),
        ("/channels", ["New channel", "Test ", "Edit ", "New secret ", "Delete "]),
        ("/add", ["Add", "Test monitor"]),
        ("/monitors/{down}/edit", ["Save", "Test monitor"]),
    ],
)
def test_actions_that_a_key_does_not_allow_are_disabled(
    guarded_service: Service, site: Site, pages: Pages, path: str, names: list[str]
) -> None:
    ids = fill_with(guarded_service, site, "of ours")
    page = pages.open(f"{guarded_service.url}/console/#{path.format(**ids)}")
    sign_in(page, make_key(guarded_service, "read")["token"])

    for name in names:
        found = (
            page.locator("#view .button")
            .filter(visible=True)
            .and_(
                page.get_by_role("button", name=name, exact=not name.endswith(" ")).or_(
                    page.get_by_role("link", name=name, exact=not name.endswith(" "))
                )
            )
        )
        expect(found.first).to_have_attribute("aria-disabled", "true")
