"""Maintenance windows in the console, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.serving import Service
from tests.browser.viewing import PHONE, Pages, is_wider_than_screen, picture, serious_faults
from tests.sites import Site


def open_console(service: Service, pages: Pages, path: str) -> Page:
    return pages.open(f"{service.url}/console/#{path}", bypass_csp=True)


def test_a_monitor_is_put_into_maintenance_for_an_hour_and_taken_out_of_it(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    number = quiet_service.add("Shop", site.url)
    page = open_console(quiet_service, pages, f"/monitors/{number}")

    page.get_by_role("button", name="Maintenance for 1 h").click()
    expect(page.get_by_role("article")).to_contain_text("In maintenance")
    page.get_by_role("article").get_by_role("link", name="Maintenance").click()
    expect(page.locator(".line")).to_contain_text("Work on Shop")
    expect(page.locator(".line")).to_contain_text("Until")
    assert serious_faults(page) == []
    picture(page, "console-maintenance")
    page.get_by_role("button", name="End Work on Shop").click()
    page.get_by_role("dialog").get_by_role("button", name="End and delete").click()

    expect(page.get_by_role("heading", name="No maintenance planned")).to_be_visible()
    assert quiet_service.ask(f"/api/monitors/{number}")["state"] == "pending"


def test_a_recurring_window_is_planned_and_changed_to_one_for_once(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    quiet_service.add("Shop", site.url, group="Pay, and more", tags=["eu"])
    page = open_console(quiet_service, pages, "/maintenance")
    page.get_by_role("link", name="Plan a window").click()
    page.get_by_label("Name").fill("Updates")
    page.get_by_label("Pay, and more").check()
    page.get_by_label("How often").select_option("weekly")
    page.get_by_label("Saturday").check()
    page.get_by_label("Sunday").check()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    assert serious_faults(page) == []
    picture(page, "console-window-form")

    page.get_by_role("button", name="Save").click()

    line = page.locator(".line")
    expect(line).to_contain_text("Every Saturday, Sunday at 02:30 for 60 min (Europe/Berlin)")
    expect(line).to_contain_text("1 group: “Pay, and more”")
    [window] = quiet_service.ask("/api/maintenance")["items"]
    assert (window["groups"], window["recurrence"]["weekdays"]) == (
        ["Pay, and more"],
        ["saturday", "sunday"],
    )

    page.get_by_role("link", name="Edit Updates").click()
    expect(page.get_by_label("Pay, and more")).to_be_checked()
    page.get_by_label("How often").select_option("once")
    page.get_by_label("From").fill("2030-01-05T22:00")
    page.get_by_label("Until").fill("2030-01-05T23:30")
    page.get_by_role("button", name="Save").click()

    expect(line).to_contain_text("2030, 22:00")
    [window] = quiet_service.ask("/api/maintenance")["items"]
    assert (window["recurrence"], window["starts_at"][:16]) == (None, "2030-01-05T22:00")


def test_a_refused_value_is_reported_at_its_field(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    quiet_service.add("Shop", site.url)
    page = open_console(quiet_service, pages, "/maintenance/new")
    page.get_by_label("Name").fill("Updates")

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("name monitors, groups or tags, or set all")).to_be_visible()
    page.get_by_label("All monitors").check()
    expect(page.get_by_role("group", name="Monitors")).to_be_hidden()
    page.get_by_label("How often").select_option("daily")
    page.get_by_label("Time zone").fill("Berlin")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("it is not a time zone of the IANA database")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_be_focused()


def test_maintenance_views_fit_on_a_phone(quiet_service: Service, site: Site, pages: Pages) -> None:
    quiet_service.add("W" * 90, site.url)
    window = {"name": "W" * 90, "all": True, "starts_at": "2030-01-05T22:00:00Z"}
    quiet_service.ask("/api/maintenance", window | {"ends_at": "2030-01-05T23:00:00Z"})

    for path, found in (("/maintenance", "Next:"), ("/maintenance/new", "How often")):
        page = pages.open(f"{quiet_service.url}/console/#{path}", viewport=PHONE)
        expect(page.locator("#view")).to_contain_text(found)
        assert not is_wider_than_screen(page)
