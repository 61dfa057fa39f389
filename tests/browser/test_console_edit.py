"""Editing monitors in the console, in a browser, also by two people at once."""

from playwright.sync_api import Page, expect

from tests.browser.serving import Service
from tests.browser.viewing import Pages, picture
from tests.sites import Site


def open_form(pages: Pages, service: Service, monitor_id: int) -> Page:
    page = pages.open(f"{service.url}/console/#/monitors/{monitor_id}/edit")
    expect(page.get_by_label("Name", exact=True)).not_to_have_value("")
    return page


def test_only_changed_fields_are_sent_and_secrets_are_kept(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url, headers={"Authorization": "Bearer hunter2"})
    page = open_form(pages, quiet_service, shop)
    expect(page.get_by_label("Header value")).to_have_value("***")

    page.get_by_label("Check interval").fill("30")
    with page.expect_request(lambda asked: asked.method == "PATCH") as sent:
        page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("every 30 s")).to_be_visible()
    assert sent.value.post_data_json == {"interval_seconds": 30}


def test_conflicting_edits_by_two_people_lose_nothing(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url, group="Web")
    page = open_form(pages, quiet_service, shop)
    page.get_by_label("Name", exact=True).fill("My shop")
    page.get_by_label("Group").fill("Mine")
    page.get_by_label("Tags").fill("eu")
    theirs = {"name": "Their shop", "group": "Theirs", "interval_seconds": 20}
    quiet_service.ask(f"/api/monitors/{shop}", theirs, method="PATCH")

    page.get_by_role("button", name="Save").click()
    conflict = page.get_by_role("dialog", name="Someone else has changed this monitor")
    expect(conflict.locator("tr", has_text="Check interval")).to_contain_text("20")
    picture(page, "console-conflict")
    conflict.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("My shop")
    assert quiet_service.ask(f"/api/monitors/{shop}")["name"] == "Their shop"
    quiet_service.ask(f"/api/monitors/{shop}", {"name": "Their new shop"}, method="PATCH")
    page.get_by_role("button", name="Save").click()
    conflict.locator("tr", has_text="Name").get_by_role("radio").first.check()
    conflict.get_by_role("button", name="Save changes").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    stored = quiet_service.ask(f"/api/monitors/{shop}")
    assert stored["name"] == "Their new shop"
    assert stored["group"] == "Mine"
    assert stored["tags"] == ["eu"]
    assert stored["interval_seconds"] == 20


def test_leaving_the_form_with_unsaved_changes_asks_for_confirmation(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    page = open_form(pages, quiet_service, shop)
    page.get_by_label("Name", exact=True).fill("Corner shop")

    page.get_by_role("link", name="Channels").click()
    question = page.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Corner shop")
    assert page.url.endswith(f"#/monitors/{shop}/edit")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Corner shop")
    page.get_by_role("link", name="Channels").click()
    question.get_by_role("button", name="Leave").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Channels")
    page.goto(f"{quiet_service.url}/console/#/monitors/{shop}/edit")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Shop")


def test_the_page_of_a_missing_monitor_says_so(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(f"{quiet_service.url}/console/#/monitors/4711")

    expect(page.locator(".view .notice")).to_contain_text("This monitor does not exist")
