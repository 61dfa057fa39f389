"""The console's list of monitors, in a browser, with a thousand of them."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.serving import Service, wait_until
from tests.browser.viewing import Pages, picture, serious_faults
from tests.sites import Site


def add_many(service: Service, site: Site, count: int) -> list[int]:
    monitors = [
        {
            "kind": "http",
            "url": f"{site.url}{number}",
            "name": f"Monitor {number:04}",
            "group": f"Group {number % 4}",
            "tags": [f"rack {number % 50}"],
        }
        for number in range(count)
    ]
    added = service.ask("/api/monitors/bulk", {"monitors": monitors})["items"]
    return [monitor["id"] for monitor in added]


def rows(page: Page) -> Locator:
    return page.locator(".monitor-row")


def all_monitors(service: Service) -> Any:
    return service.ask("/api/monitors?limit=1000")["items"]


def test_a_thousand_monitors_are_listed_selected_and_paused_at_once(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    add_many(quiet_service, site, 1000)
    page = pages.open(f"{quiet_service.url}/console/")
    expect(rows(page)).to_have_count(100)
    page.get_by_role("button", name="Show 100 more of 900").click()
    expect(rows(page)).to_have_count(200)
    expect(page.get_by_role("link", name="Monitor 0100")).to_be_focused()

    page.get_by_label("Select all 1,000").check()
    bulk = page.get_by_role("region", name="Selected monitors")
    expect(bulk).to_contain_text("All 1,000 monitors selected")
    bulk.get_by_role("button", name="Pause").click()
    question = page.get_by_role("dialog", name="Pause 1,000 monitors?")
    expect(question).to_contain_text("“Monitor 0000”")
    expect(question).to_contain_text("and 992 more")
    picture(page, "console-bulk")
    question.get_by_role("button", name="Pause").click()

    expect(page.get_by_text("Paused 1,000 monitors.")).to_be_visible()
    expect(rows(page).first).to_contain_text("Paused")
    assert {monitor["state"] for monitor in all_monitors(quiet_service)} == {"paused"}


def test_filters_are_in_the_url_and_select_what_an_action_applies_to(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    add_many(quiet_service, site, 120)
    page = pages.open(f"{quiet_service.url}/console/")
    expect(rows(page)).to_have_count(100)

    page.keyboard.press("/")
    page.keyboard.type("rack monitor 0007")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(100)
    page.get_by_label("Group", exact=True).select_option("Group 3")
    page.get_by_label("Tag", exact=True).select_option("rack 7")
    expect(page.get_by_text("2 of 120 monitors")).to_be_visible()
    page.get_by_role("link", name="Monitor 0007").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Monitor 0007")
    page.go_back()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_label("Tag", exact=True)).to_have_value("rack 7")

    page.get_by_label("Select all 2").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Add tags").fill("old, spare")
    page.get_by_label("Remove tags").fill("rack 7")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Tagged 2 monitors.")).to_be_visible()
    page.get_by_label("Tag", exact=True).select_option("spare")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Select all 2").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_text("Deleted 2 monitors.")).to_be_visible()
    left = all_monitors(quiet_service)
    assert len(left) == 118
    assert not any(monitor["name"] in {"Monitor 0007", "Monitor 0107"} for monitor in left)


def test_changes_made_by_others_are_shown_live(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    page = pages.open(f"{quiet_service.url}/console/")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(rows(page)).to_contain_text("Not checked yet")

    quiet_service.check(shop)
    expect(rows(page)).to_contain_text("Up")
    quiet_service.ask(f"/api/monitors/{shop}", {"name": "Corner shop"}, method="PATCH")
    expect(rows(page)).to_contain_text("Corner shop")
    quiet_service.add("Blog", site.url)
    expect(rows(page)).to_have_count(2)
    quiet_service.ask("/api/monitors/actions", {"action": "delete", "ids": [shop]})

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Blog")


def test_the_focus_stays_where_it_is_while_rows_change(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    ids = add_many(quiet_service, site, 3)
    page = pages.open(f"{quiet_service.url}/console/")
    expect(rows(page)).to_have_count(3)
    expect(page.locator("#connection")).to_have_text("Live")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Monitor 0000")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_label("Select Monitor 0000")).to_be_checked()

    quiet_service.check(ids[0])

    row = rows(page).filter(has_text="Monitor 0000")
    expect(row.locator(".pill")).to_have_text("Up")
    expect(page.get_by_role("link", name="Monitor 0000")).to_be_focused()
    expect(page.get_by_label("Select Monitor 0000")).to_be_checked()


def test_without_a_connection_nothing_looks_live(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    quiet_service.check(quiet_service.add("Shop", site.url))
    page = pages.open(f"{quiet_service.url}/console/", bypass_csp=True)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(rows(page)).to_contain_text("Up")

    page.route("**/api/**", lambda route: route.abort())
    page.context.set_offline(True)

    expect(page.locator("#connection")).to_have_text("Connection lost")
    expect(page.locator("#blind")).to_contain_text("may be out of date")
    assert "grayscale" in rows(page).locator("xpath=../..").evaluate(
        "it => getComputedStyle(it).filter"
    )
    picture(page, "console-cut-off")
    assert serious_faults(page) == [], "what may be wrong by now can be read all the same"
    page.unroute("**/api/**")
    page.context.set_offline(False)

    expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
    expect(page.locator("#blind")).to_be_hidden()


def test_a_lost_connection_is_not_reported_before_the_first_response(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    quiet_service.check(shop)
    page = pages.open(f"{quiet_service.url}/console/#/monitors/{shop}")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    several = re.compile(r"/api/monitors\?")
    page.route(several, hold)
    with page.expect_response("**/api/events*"):
        page.reload()

    expect(page.locator(".view .pill").first).to_have_text("Up")
    expect(page.locator("#blind")).to_be_hidden()
    expect(page.locator("#connection")).to_be_hidden()

    for route in held:
        route.continue_()
    page.unroute(several)

    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#blind")).to_be_hidden()


def test_a_monitor_is_paused_checked_and_deleted(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    page = pages.open(f"{quiet_service.url}/console/#/monitors/{shop}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Shop")

    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Check passed")).to_be_visible()
    expect(page.get_by_role("region", name="Recent checks").locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()
    wait_until(lambda: not all_monitors(quiet_service))
