"""Check locations in the console: choosing them, and the state seen from each of them."""

from playwright.sync_api import expect

from tests.browser.serving import Service, execute
from tests.browser.viewing import Pages, picture, serious_faults
from tests.sites import Site

ANSWERS = """
    UPDATE location_states SET checked_at = now(), since = now(), latency_ms = 12,
        state = CASE location WHEN 'tokyo' THEN 'down' ELSE 'up' END,
        error = CASE location WHEN 'tokyo' THEN 'timed out' END
    WHERE location <> 'virginia' RETURNING 1
"""
SILENCE = """
    UPDATE location_states SET since = now() - interval '1 h' WHERE location = 'virginia'
    RETURNING 1
"""
LONG_UP = "UPDATE states SET state = 'up', since = now() - interval '2 h' RETURNING 1"


def test_locations_are_chosen_in_the_form_and_shown_with_what_is_seen_from_them(
    quiet_service: Service, site: Site, pages: Pages, migrated_database: str
) -> None:
    shop = quiet_service.add("Shop", site.url)
    page = pages.open(f"{quiet_service.url}/console/#/monitors/{shop}/edit", bypass_csp=True)
    page.get_by_text("Check locations").click()

    page.get_by_label("Locations", exact=True).fill("frankfurt, tokyo, virginia")
    page.get_by_label("Failing locations").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("it must not be more than the number of locations")).to_be_visible()
    page.get_by_label("Failing locations").fill("2")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    stored = quiet_service.ask(f"/api/monitors/{shop}")
    assert stored["locations"] == ["frankfurt", "tokyo", "virginia"]
    assert stored["min_failing_locations"] == 2

    for statement in (ANSWERS, SILENCE, LONG_UP):
        execute(migrated_database, statement)
    page.reload()

    table = page.get_by_role("region", name="Locations")
    expect(table.locator("tr", has_text="frankfurt")).to_contain_text("Up")
    expect(table.locator("tr", has_text="tokyo")).to_contain_text("timed out")
    expect(table.locator("tr", has_text="virginia")).to_contain_text("No results")
    picture(page, "console-locations")
    assert serious_faults(page) == []
