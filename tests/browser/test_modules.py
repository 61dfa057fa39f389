"""The pages' JavaScript modules on their own, in a browser."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.browser.serving import Service
from tests.browser.viewing import Pages


@pytest.fixture
def page(quiet_service: Service, pages: Pages) -> Page:
    return pages.open(quiet_service.url)


def result(page: Page, module: str, code: str) -> Any:
    """Return the value of an expression, with a module as `it`."""
    script = f"async () => {{ const it = await import('/assets/{module}'); return {code}; }}"
    return page.evaluate(script)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        ("1", "100 %"),
        ("0.9999999", "99.999 %"),
        ("0.9995", "99.950 %"),
        ("0.98765", "98.76 %"),
        ("0", "0.00 %"),
        ("null", "no data"),
    ],
)
def test_a_share_is_cut_off_and_not_rounded(page: Page, ratio: str, text: str) -> None:
    assert result(page, "time.js", f"it.percent({ratio})") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (3_725, "1 h 2 min"), (86_405, "1 day"), (187_200, "2 days 4 h")],
)
def test_a_duration_is_formatted_in_its_largest_units(
    page: Page, seconds: float, text: str
) -> None:
    assert result(page, "time.js", f"it.duration({seconds})") == text


def test_a_link_never_runs_a_script(page: Page) -> None:
    code = """["javascript:alert(1)", " JavaScript:alert(1)", "java\\nscript:alert(1)",
        "data:text/html,x", "https://example.com/", "/console/", "#monitor-1"
    ].map((href) => it.h("a", { href }).getAttribute("href"))"""

    links = result(page, "dom.js", code)

    assert links == [None, None, None, None, "https://example.com/", "/console/", "#monitor-1"]


def test_a_rejected_request_names_the_invalid_fields(page: Page) -> None:
    code = """await it.post("/api/monitors", { kind: "http", name: "" })
        .catch((error) => [error.status, error.fields.map(({ field }) => field).sort()])"""

    assert result(page, "api.js", code) == [422, ["name", "url"]]


def keep_waiting(route: Route) -> None:
    pass


def test_a_request_ends_in_time(page: Page) -> None:
    page.route("**/api/never", keep_waiting)
    code = """await it.get("/api/never", { timeout: 50 })
        .catch((error) => [error.status, error.timedOut])"""

    assert result(page, "api.js", code) == [0, True]


def test_a_busy_server_is_asked_again_when_it_says(page: Page) -> None:
    answers = [
        {"status": 503, "headers": {"Retry-After": "1"}, "json": {"detail": "Busy."}},
        {"status": 200, "json": {"done": True}},
    ]
    page.route("**/api/busy", lambda route: route.fulfill(**answers.pop(0)))

    assert result(page, "api.js", """(await it.get("/api/busy", { retries: 1 })).data""") == {
        "done": True
    }


def test_labels_of_lines_that_end_together_do_not_overlap(page: Page) -> None:
    placed = result(page, "scale.js", "it.spread([100, 101, 99, 10], 14, 0, 110)")

    ordered = sorted(placed)
    assert all(after - one >= 14 for one, after in pairwise(ordered))
    assert placed[2] < placed[0] < placed[1] <= 110
