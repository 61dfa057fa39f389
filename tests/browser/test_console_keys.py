"""API keys in the console: created, copied once, revoked."""

import re

from playwright.sync_api import expect

from tests.browser.serving import Service
from tests.browser.test_console_sign_in import FIRST, guarded_service, make_key, sign_in
from tests.browser.viewing import DESK, PHONE, Pages, is_wider_than_screen, picture, serious_faults

__all__ = ["guarded_service"]


def test_a_key_is_made_shown_once_and_revoked(guarded_service: Service, pages: Pages) -> None:
    page = pages.open(f"{guarded_service.url}/console/#/keys")
    sign_in(page, FIRST)
    expect(page.get_by_text("No API keys yet.")).to_be_visible()

    page.get_by_label("Name", exact=True).fill("<b>deploy</b>")
    page.get_by_label("Scope").select_option("write")
    page.get_by_label("Expires").select_option("90")
    page.get_by_role("button", name="Create key").click()
    shown = page.get_by_role("dialog", name="Key “<b>deploy</b>”")
    token = shown.locator("code").inner_text()
    assert re.fullmatch(r"sw_[\w-]{43}", token)
    shown.get_by_role("button", name="Done").click()

    row = page.get_by_role("row").filter(has_text="<b>deploy</b>")
    expect(row).to_contain_text(f"{token[:11]}…")
    expect(row).to_contain_text("never")
    expect(row).to_contain_text("until")
    assert token not in page.content()
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")
    expect(row.get_by_role("button")).to_have_count(0)


def test_an_error_is_shown_at_its_field(guarded_service: Service, pages: Pages) -> None:
    page = pages.open(f"{guarded_service.url}/console/#/keys")
    sign_in(page, FIRST)
    expect(page.get_by_text("No API keys yet.")).to_be_visible()

    page.get_by_role("button", name="Create key").click()

    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()


def test_with_a_read_only_key_the_keys_view_says_why_it_is_empty(
    guarded_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{guarded_service.url}/console/#/keys")
    sign_in(page, make_key(guarded_service, "read")["token"])

    expect(page.locator("#view")).to_contain_text("Your key is read-only")


def test_keys_can_be_created_before_the_api_requires_them(
    quiet_service: Service, pages: Pages
) -> None:
    page = pages.open(f"{quiet_service.url}/console/")
    page.get_by_role("link", name="Keys").click()

    page.get_by_label("Name", exact=True).fill("later")
    page.get_by_role("button", name="Create key").click()

    expect(page.get_by_role("dialog", name="Key “later”")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_axe_finds_nothing_serious_and_the_view_fits_a_phone(
    guarded_service: Service, pages: Pages
) -> None:
    make_key(guarded_service)
    made = make_key(guarded_service, "read")
    guarded_service.ask(f"/api/keys/{made['id']}", method="DELETE")
    for scheme, viewport in (("light", DESK), ("dark", DESK), ("light", PHONE)):
        page = pages.open(
            f"{guarded_service.url}/console/#/keys",
            bypass_csp=True,
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport=viewport,
        )
        sign_in(page, FIRST)
        expect(page.get_by_role("row")).to_have_count(3)

        picture(page, f"console-keys-{scheme}-{viewport['width']}")
        assert serious_faults(page) == []
        assert not is_wider_than_screen(page)
