"""Every view of the console: accessibility, small screens, and unusual input."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Service
from tests.browser.viewing import PHONE, Pages, is_wider_than_screen, picture, serious_faults
from tests.sites import Site

TAG = "<img src=x onerror=alert(1)>"
HOSTILE = f"\"'>{TAG}<script>alert(2)</script>"
LONG_WORD = "Donaudampfschiffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"


def fill_with(service: Service, site: Site, text: str) -> dict[str, int]:
    """Add one of everything, with `text` in all values from people and targets."""
    site.body = json.dumps({"state": f"Answer {text}"}).encode()
    down = service.add(
        f"Name {text}",
        site.url,
        group=f"Group {text}",
        tags=[f"Tag {text}"[:50].strip()],
        json_path="$.state",
        json_value="ok",
        keyword=f"Answer {text}"[:6],
        headers={"Accept": f"text/{text}", "Authorization": text},
    )
    service.check(down)
    incident = service.ask("/api/incidents")["items"][0]["id"]
    service.ask(f"/api/incidents/{incident}/acknowledge", {"by": f"Person {text}"})
    job = service.ask(
        "/api/monitors", {"kind": "heartbeat", "name": f"Job {text}", "period_seconds": 3600}
    )
    channel = service.ask(
        "/api/channels", {"name": f"Channel {text}", "kind": "webhook", "url": site.url}
    )
    return {"down": down, "incident": incident, "job": job["id"], "channel": channel["id"]}


def views(ids: dict[str, int]) -> dict[str, str]:
    """Return the address of every view, and a selector that matches once it is rendered."""
    return {
        "/monitors": ".monitor-row",
        f"/monitors/{ids['down']}": "[aria-label='Recent checks']",
        f"/monitors/{ids['job']}": ".copyable",
        f"/monitors/{ids['down']}/edit": "[data-field=url]",
        "/add": "[data-field=url]",
        "/import": "[data-field=list]",
        "/incidents": ".view tbody tr",
        f"/incidents/{ids['incident']}": ".timing-bar",
        "/channels": ".line",
        f"/channels/{ids['channel']}": "[data-field=secret]",
    }


def each_view(page: Page, service: Service, ids: dict[str, int]) -> Iterator[str]:
    for path, drawn in views(ids).items():
        page.goto(f"{service.url}/console/#{path}")
        expect(page.locator(drawn).first).to_be_visible()
        # Collapsed content counts too.
        page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
        yield path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(
    quiet_service: Service, site: Site, pages: Pages, scheme: str
) -> None:
    ids = fill_with(quiet_service, site, "of ours")
    # Axe is a script that the page's policy would refuse.
    page = pages.open(
        f"{quiet_service.url}/console/",
        bypass_csp=True,
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    faults = {}

    for path in each_view(page, quiet_service, ids):
        faults[path] = serious_faults(page)
        picture(page, f"console-{scheme}-{path.strip('/').translate(str.maketrans('/', '-'))}")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    faults["help"] = serious_faults(page)

    assert {path: found for path, found in faults.items() if found} == {}


def test_on_a_phone_no_view_is_wider_than_the_screen(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    ids = fill_with(quiet_service, site, LONG_WORD)
    page = pages.open(f"{quiet_service.url}/console/", viewport=PHONE, has_touch=True)
    wide = []

    for path in each_view(page, quiet_service, ids):
        if is_wider_than_screen(page):
            wide.append(path)
        picture(page, f"console-phone-{path.strip('/').translate(str.maketrans('/', '-'))}")

    assert wide == []


def test_markup_typed_by_users_is_shown_as_text_in_every_view(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    ids = fill_with(quiet_service, site, HOSTILE)
    page = pages.open(f"{quiet_service.url}/console/")
    shown = {
        "/monitors": [f"Name {HOSTILE}", TAG, f"Group {HOSTILE}"],
        f"/monitors/{ids['down']}": [f"Name {HOSTILE}", TAG],
        f"/monitors/{ids['job']}": [f"Job {HOSTILE}"],
        "/incidents": [f"Name {HOSTILE}", TAG, f"Person {HOSTILE}"],
        f"/incidents/{ids['incident']}": [TAG, f"Person {HOSTILE}"],
        "/channels": [f"Channel {HOSTILE}"],
    }

    for path in each_view(page, quiet_service, ids):
        for text in shown.get(path, []):
            expect(page.locator("#view")).to_contain_text(text)
        assert page.locator("img[src='x'], body script").count() == 0, path

    page.goto(f"{quiet_service.url}/console/#/import")
    page.get_by_label("URLs or hosts, one per line").fill(
        f"{HOSTILE}, https://example.com/{HOSTILE}"
    )
    expect(page.get_by_role("region", name="Import preview")).to_contain_text("script")
    page.get_by_label("URLs or hosts, one per line").fill("")
    page.goto(f"{quiet_service.url}/console/#/monitors?q={HOSTILE}&tag={HOSTILE}&state={HOSTILE}")
    expect(page.get_by_role("heading", name="No monitors match")).to_be_visible()
    page.get_by_label("URL or host to monitor").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator(".quick .notice")).to_be_visible()
    assert page.locator("img[src='x'], body script").count() == 0


def test_empty_views_say_what_to_do_next(quiet_service: Service, pages: Pages) -> None:
    page = pages.open(f"{quiet_service.url}/console/")

    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()
    page.get_by_role("link", name="Incidents").click()
    expect(page.get_by_role("link", name="Add a monitor")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("link", name="Add a channel")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Enable single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.get_by_role("heading", level=1)).to_have_text("Channels")


def test_times_are_the_viewers_with_utc_on_hover(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    ids = fill_with(quiet_service, site, "of ours")
    opened = quiet_service.ask(f"/api/incidents/{ids['incident']}")["opened_at"]
    page = pages.open(
        f"{quiet_service.url}/console/#/incidents/{ids['incident']}", timezone_id="Asia/Kathmandu"
    )

    time = page.locator(f".view time[title^='{opened[:10]} {opened[11:19]}']").first
    expect(time).to_have_attribute("title", f"{opened[:10]} {opened[11:19]} UTC")
    expect(page.locator("#zone")).to_contain_text(re.compile("Kath?mandu"))


def test_a_click_works_even_if_a_check_arrives_during_it(
    quiet_service: Service, site: Site, pages: Pages
) -> None:
    number = quiet_service.add("Shop", site.url)
    page = pages.open(f"{quiet_service.url}/console/#/monitors/{number}")
    state = page.get_by_role("article").locator(".pill").first
    expect(page.locator("#connection")).to_have_text("Live")
    page.get_by_role("button", name="Pause").hover()
    page.mouse.down()

    quiet_service.check(number)
    expect(state).to_have_text("Up")
    page.mouse.up()

    expect(state).to_have_text("Paused")


def test_a_page_with_a_module_that_failed_to_load_reloads_itself(
    quiet_service: Service, pages: Pages
) -> None:
    def lose_one(page: Page) -> None:
        page.route("**/console/store.js", lambda route: route.abort(), times=2)

    page = pages.open(f"{quiet_service.url}/console/", before=lose_one)

    expect(page.get_by_role("heading", name="Add your first monitor")).to_be_visible()
