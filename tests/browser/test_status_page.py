"""The status page, in a browser."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from app.pages import FOLDER, HEADERS
from tests.browser.serving import Service, execute
from tests.browser.viewing import DESK, PHONE, Pages, is_wider_than_screen, picture, serious_faults
from tests.sites import Site

LONG = 30_000
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
MARKUP = "<img src=x onerror=alert(1)>"
# One word that cannot be wrapped.
WIDE = "W" * 90


# Ninety days of all monitors, with outages here and there, and a day of response times.
PAST = """
    DO $$
    BEGIN
        UPDATE monitors SET created_at = now() - interval '200 days';
        INSERT INTO daily_stats (monitor_id, day, checks, failed, up_ms, down_ms)
        SELECT m.id, date_trunc('day', now(), 'UTC') - make_interval(days => ago), 1440, 0,
            86400000 - down, down
        FROM monitors m, generate_series(1, 90) ago,
            LATERAL (SELECT CASE (m.id * 11 + ago * 7) % 31 WHEN 0 THEN 200000 WHEN 1 THEN 4000000
                ELSE 0 END) AS v (down);
        INSERT INTO hourly_stats (monitor_id, hour, checks, failed, up_ms, down_ms, latencies)
        SELECT m.id, date_trunc('hour', now()) - make_interval(hours => ago), 60, 0, 3600000, 0,
            ARRAY(SELECT CASE bucket - (m.id + ago) % 3 WHEN 20 THEN 40 WHEN 23 THEN 16
                WHEN 27 THEN 4 ELSE 0 END FROM generate_series(0, 64) bucket)
        FROM monitors m, generate_series(1, 23) ago;
    END $$
"""


def headline(page: Page) -> Locator:
    return page.locator("#headline-title")


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def refuse(route: Route) -> None:
    route.abort()


@pytest.fixture
def closed_port() -> str:
    """Return an address where nothing listens."""
    return "http://127.0.0.1:9/"


def test_the_page_follows_a_target_that_fails_and_recovers(
    service: Service, site: Site, pages: Pages
) -> None:
    shop = service.add("Shop", site.url)
    service.wait_for(shop, "up")
    page = pages.open(service.url)
    expect(headline(page)).to_have_text("All systems are up")

    site.status = 503

    incident = page.get_by_role("article")
    expect(incident).to_contain_text("status 503", timeout=LONG)
    expect(headline(page)).to_have_text("Shop is down")
    expect(page.locator(".monitor")).to_contain_text("Down")
    expect(page).to_have_title("Shop is down · Stagewatch")
    picture(page, "status-down")

    site.status = 200

    expect(headline(page)).to_have_text("All systems are up", timeout=LONG)
    expect(incident).to_be_hidden()
    expect(page.locator("#past")).to_contain_text("status 503")


def test_the_page_polls_if_events_are_unavailable(
    service: Service, site: Site, pages: Pages
) -> None:
    shop = service.add("Shop", site.url)
    service.wait_for(shop, "up")
    page = pages.open(service.url, before=lambda page: page.route("**/api/events*", refuse))
    expect(page.locator("#connection")).to_have_text("Every 15 s")
    expect(headline(page)).to_have_text("All systems are up")

    site.status = 503

    expect(headline(page)).to_have_text("Shop is down", timeout=LONG)


def test_a_page_that_is_cut_off_shows_nothing_as_up(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    quiet_service.check(quiet_service.add("Shop", site.url))
    page = pages.open(quiet_service.url, bypass_csp=True)
    expect(headline(page)).to_have_text("All systems are up")

    page.route("**/api/**", refuse)
    page.evaluate("dispatchEvent(new Event('online'))")

    expect(headline(page)).to_have_text("Current state unknown")
    expect(page.locator("#headline-text")).to_contain_text("Last update just now: connection lost")
    expect(page.locator("#connection")).to_have_text("Connection lost")
    expect(page).to_have_title("Current state unknown · Stagewatch")
    assert "grayscale" in page.locator(".group").evaluate("it => getComputedStyle(it).filter")
    picture(page, "status-cut-off")
    assert serious_faults(page) == []

    page.unroute_all()

    expect(headline(page)).to_have_text("All systems are up", timeout=LONG)


def test_monitors_with_overdue_checks_are_not_shown_as_up(
    quiet_service: Service, site: Site, pages: Pages, migrated_database: str
) -> None:
    number = quiet_service.add("Shop", site.url)
    quiet_service.check(number)
    execute(
        migrated_database,
        "UPDATE schedule SET claimable_at = now() - interval '2 minutes' RETURNING 1",
    )

    page = pages.open(quiet_service.url)

    expect(headline(page)).to_have_text("Nothing is being checked")
    expect(page.locator("#headline-text")).to_contain_text("Their checks are overdue")
    assert "grayscale" in page.locator(".group").evaluate("it => getComputedStyle(it).filter")
    picture(page, "status-unchecked")


def test_markup_from_users_and_targets_is_shown_as_text(
    quiet_service: Service, site: Site, pages: Pages, closed_port: str
) -> None:
    # The error quotes the target's response.
    site.body = json.dumps({"state": MARKUP}).encode()
    down = quiet_service.add(
        f"Name {HOSTILE}",
        site.url,
        group=f"Group {HOSTILE}",
        tags=[f"Tag {HOSTILE}"[:50]],
        json_path="$.state",
        json_value="ok",
    )
    quiet_service.check(down)
    incident = quiet_service.ask("/api/incidents")["items"][0]
    quiet_service.ask(f"/api/incidents/{incident['id']}/acknowledge", {"by": f"Person {HOSTILE}"})

    page = pages.open(f"{quiet_service.url}/#monitor-{down}")

    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("heading", level=2)).to_have_text(f"Name {HOSTILE}")
    expect(panel.locator(".past-line")).to_contain_text(MARKUP)
    expect(panel.get_by_role("heading", name="Badge")).to_be_visible()
    expect(page.locator(".incident")).to_contain_text(MARKUP)
    expect(page.locator(".incident")).to_contain_text(f"by Person {HOSTILE}")
    expect(page.locator(".group h2")).to_have_text(f"Group {HOSTILE}")
    expect(page.locator(".monitor .tag")).to_have_text(f"Tag {HOSTILE}"[:50])
    expect(page).to_have_title(f"Name {HOSTILE} is down · Stagewatch")
    assert page.locator("img[src='x'], body script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    quiet_service: Service,
    migrated_database: str,
    site: Site,
    pages: Pages,
    closed_port: str,
    scheme: str,
) -> None:
    up = quiet_service.add("Shop", site.url, group="Public", tags=["web"])
    down = quiet_service.add("API", closed_port, group="Internal")
    quiet_service.add("New", site.url)
    for monitor in (up, down):
        quiet_service.check(monitor)
    execute(migrated_database, PAST)
    # Axe is a script that the page's policy would refuse.
    page = pages.open(quiet_service.url, bypass_csp=True, color_scheme=scheme)
    expect(page.locator(".days-row")).to_have_count(3)

    assert serious_faults(page) == []

    picture(page, f"status-{scheme}")
    page.set_viewport_size(PHONE)
    picture(page, f"status-phone-{scheme}")
    page.set_viewport_size(DESK)
    page.get_by_role("link", name="API").nth(1).click()
    panel = page.get_by_role("dialog")
    expect(panel.locator(".days-row")).to_be_visible()
    expect(panel.locator(".past-line")).to_be_visible()
    panel.get_by_role("button", name="24 h").click()
    expect(panel.locator(".chart-line")).to_have_count(3)
    picture(page, f"status-detail-{scheme}")
    panel.get_by_text("Show as a table").click()
    expect(panel.get_by_role("cell").first).to_be_visible()

    assert serious_faults(page) == []


def test_on_a_phone_nothing_is_wider_than_the_screen(
    quiet_service: Service, pages: Pages, closed_port: str
) -> None:
    tags = [f"{number} {WIDE}"[:50] for number in range(5)]
    wide = quiet_service.add(WIDE, closed_port, group=WIDE, tags=tags)
    quiet_service.check(wide)
    page = pages.open(quiet_service.url, viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(".monitor .days-row")).to_be_visible()

    assert not is_wider_than_screen(page)

    picture(page, "status-phone-long-names")
    page.locator(".monitor .row-name").tap()
    panel = page.get_by_role("dialog")
    expect(panel.locator(".past-line")).to_be_visible()

    assert not is_wider_than_screen(page)
    assert panel.evaluate("it => it.scrollWidth <= it.clientWidth")
    picture(page, "status-detail-phone-long-names")


def test_a_keyboard_is_enough(quiet_service: Service, site: Site, pages: Pages) -> None:
    for name in ("Shop", "Blog"):
        quiet_service.check(quiet_service.add(name, site.url))
    page = pages.open(quiet_service.url)
    expect(page.locator(".monitor")).to_have_count(2)
    keys = page.keyboard

    keys.press("/")
    keys.type("sho")
    expect(page.locator(".monitor")).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 of 2 monitors")
    keys.press("Escape")
    expect(page.locator(".monitor")).to_have_count(2)

    until_focused(page, page.get_by_role("link", name="Shop"))
    keys.press("Enter")
    panel = page.get_by_role("dialog", name="Shop")
    expect(panel).to_be_visible()
    days = panel.get_by_role("slider", name="Days")
    until_focused(page, days)
    keys.press("End")
    expect(days).to_have_attribute("aria-valuetext", re.compile(r"20\d\d: "))
    keys.press("ArrowLeft")
    keys.press("Escape")
    expect(panel).to_be_visible()
    chart = panel.get_by_role("slider", name="Response times")
    # Keys choose among points, and these are read when the panel has opened.
    expect(panel.get_by_role("status")).to_have_text("1 check, none failed")
    until_focused(page, chart)
    keys.press("End")
    expect(panel.locator(".chart-tip")).to_contain_text("UTC")
    keys.press("Escape")
    keys.press("Escape")

    expect(panel).to_be_hidden()
    expect(page.get_by_role("link", name="Shop")).to_be_focused()
    expect(page).to_have_url(f"{quiet_service.url}/")


def until_focused(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has a visible focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if wanted.evaluate("it => it === document.activeElement"):
            assert wanted.evaluate("it => getComputedStyle(it).outlineStyle") != "none"
            return
    raise AssertionError("Tab does not lead there")


def test_a_thousand_monitors_are_shown_and_found(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    monitors = [
        {
            "kind": "http",
            "url": site.url,
            "name": f"Monitor {number:04}",
            "group": f"Group {number % 4}",
            "tags": [f"rack {number % 50}"],
        }
        for number in range(1000)
    ]
    quiet_service.ask("/api/monitors/bulk", {"monitors": monitors})
    batches: list[tuple[int, int]] = []

    def count(answer: Any) -> None:
        if "/api/status/history" in answer.url:
            batches.append((answer.status, answer.url.count(",") + 1))

    page = pages.open(quiet_service.url, before=lambda page: page.on("response", count))
    expect(page.locator("#headline-text")).to_contain_text("1000 monitors")
    expect(page.locator(".days-row").first).to_be_visible()
    page.get_by_role("searchbox").fill("0999 rack")
    expect(page.get_by_role("link", name="Monitor 0999")).to_be_visible()
    expect(page.locator(".monitor")).to_have_count(1)
    expect(page.locator(".days-row")).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    for _ in range(12):
        page.locator(".group").first.locator(".monitor").last.scroll_into_view_if_needed()
    expect(page.locator(".group").first.locator(".monitor")).to_have_count(250)
    expect(page.locator(".group").first.locator(".days-row").last).to_be_visible()

    assert {status for status, _ in batches} == {200}
    assert max(size for _, size in batches) <= 100


def test_an_empty_page_says_what_to_do_next(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(quiet_service.url)

    expect(headline(page)).to_have_text("No monitors yet")
    link = page.get_by_role("link", name="Add your first monitor")
    expect(link).to_have_attribute("href", "/console/")
    picture(page, "status-empty")


def test_a_choice_of_colours_is_remembered(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(quiet_service.url, color_scheme="light")
    colour = "getComputedStyle(document.documentElement).colorScheme"
    page.get_by_role("button", name="Use dark theme").click()

    page.reload()

    assert page.evaluate(colour) == "dark"
    page.get_by_role("button", name="Use light theme").click()
    assert page.evaluate("localStorage.getItem('theme')") is None


def test_an_open_chart_is_updated_with_new_checks(
    service: Service, site: Site, pages: Pages
) -> None:
    shop = service.add("Shop", site.url)

    page = pages.open(f"{service.url}/#monitor-{shop}")

    chart = page.get_by_role("slider", name="Response times")
    expect(chart).to_have_attribute("aria-valuetext", "3 points", timeout=LONG)
    expect(page.locator(".chart-line-0")).to_be_visible()


def test_the_crosshair_moves_when_its_chart_is_resized(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    quiet_service.check(shop)
    page = pages.open(f"{quiet_service.url}/#monitor-{shop}")
    # It is read once a minute, and nothing else redraws it.
    page.get_by_role("button", name="24 h").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("1 check, none failed")
    page.get_by_role("slider", name="Response times").press("End")
    cross = page.locator(".chart-cross")
    place = cross.get_attribute("x1")
    assert place

    page.set_viewport_size(PHONE)

    expect(cross).not_to_have_attribute("x1", place)


def test_times_are_the_viewers_with_utc_on_hover(
    quiet_service: Service, pages: Pages, closed_port: str
) -> None:
    quiet_service.check(quiet_service.add("Shop", closed_port))

    page = pages.open(quiet_service.url, timezone_id="Asia/Tokyo")

    time = page.locator(".incident time")
    at = time.get_attribute("datetime")
    assert at is not None
    expect(time).to_have_attribute("title", f"{at[:10]} {at[11:19]} UTC")
    expect(time).to_contain_text(f"{(int(at[11:13]) + 9) % 24:02}:{at[14:16]}")
    expect(page.locator("#zone")).to_contain_text("Asia/Tokyo")


def test_old_incidents_come_page_by_page(quiet_service: Service, site: Site, pages: Pages) -> None:
    shop = quiet_service.add("Shop", site.url)
    for _ in range(12):
        for site.status in (500, 200):
            quiet_service.check(shop)
    page = pages.open(quiet_service.url)
    lines = page.locator("#past .past-line")
    expect(lines).to_have_count(10)

    page.get_by_role("button", name="Show earlier incidents").click()

    expect(lines).to_have_count(12)
    expect(page.get_by_role("button", name="Show earlier incidents")).to_be_hidden()


def test_the_outage_page_reloads_once_the_outage_is_over(
    quiet_service: Service, pages: Pages
) -> None:
    down = True

    def answer(route: Route) -> None:
        if down and route.request.url.endswith("/health"):
            route.abort()
        elif down:
            route.fulfill(status=502, path=FOLDER / "502.html", headers=HEADERS)
        else:
            route.continue_()

    address = re.compile(r":\d+/(health)?$")
    page = pages.open(quiet_service.url, before=lambda page: page.route(address, answer))
    expect(page.get_by_role("heading")).to_have_text("Stagewatch is not answering")
    expect(page.get_by_role("status")).to_contain_text("Trying again in")
    picture(page, "status-502")

    down = False

    expect(headline(page)).to_have_text("No monitors yet", timeout=LONG)


def test_planned_and_running_maintenance_is_shown_in_neither_green_nor_red(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    shop = quiet_service.add("Shop", site.url)
    quiet_service.check(quiet_service.add("Mail", site.url))
    planned = {"name": MARKUP, "monitors": [shop]}
    planned |= {"starts_at": in_minutes(60), "ends_at": in_minutes(90)}
    quiet_service.ask("/api/maintenance", planned)
    page = pages.open(quiet_service.url, bypass_csp=True)
    maintenance = page.get_by_role("region", name="Maintenance")
    expect(maintenance).to_contain_text(MARKUP)
    expect(maintenance.get_by_role("link", name="Shop")).to_be_visible()

    site.status = 503
    window = quiet_service.ask(f"/api/monitors/{shop}/maintenance", method="POST")
    quiet_service.check(shop)

    expect(headline(page)).to_have_text("1 of 2 monitors is in maintenance", timeout=LONG)
    expect(page.locator("#headline")).to_have_class(re.compile("tone-info"))
    card = maintenance.get_by_role("article")
    expect(card).to_contain_text("Work on Shop", timeout=LONG)
    expect(page.locator(".monitor").filter(has_text="Shop")).to_contain_text("In maintenance")
    expect(page.locator("#open")).to_be_hidden()
    assert serious_faults(page) == []
    picture(page, "status-maintenance")

    quiet_service.ask(f"/api/maintenance/{window['id']}", method="DELETE")

    expect(card).to_be_hidden(timeout=LONG)
