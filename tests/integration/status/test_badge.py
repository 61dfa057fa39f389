"""Badges of monitors."""

from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from tests.integration.checks.support import add, execute

TITLE = "{http://www.w3.org/2000/svg}title"


def title(client: TestClient, path: str, *, status: int = 200) -> str | None:
    """Return a badge's text alternative."""
    answer = client.get(f"/api/badge/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "image/svg+xml"
    return ET.fromstring(answer.content).findtext(TITLE)  # noqa: S314  (made here)


@pytest.mark.parametrize(
    "state", ["up", "down", "pending", "maintenance", "paused", "a state to come"]
)
def test_a_badge_shows_the_state(client: TestClient, database_url: str, state: str) -> None:
    number = add(client, name='Pay & "go"')
    execute(database_url, f"UPDATE states SET state = '{state}'")

    assert title(client, f"{number}.svg") == f'Pay & "go": {state}'
    assert title(client, f"{number}.svg?label=<b>") == f"<b>: {state}"


def test_a_badge_shows_the_uptime(client: TestClient, database_url: str) -> None:
    number = add(client, name="Shop")
    assert title(client, f"{number}.svg?show=uptime") == "Shop 90d: no data"

    execute(database_url, "UPDATE states SET hour_up_ms = 1999, hour_down_ms = 1")

    assert title(client, f"{number}.svg?show=uptime&range=24h") == "Shop 24h: 99.95 %"
    assert title(client, f"{number}.svg?show=uptime&label=Up") == "Up: 99.95 %"


@pytest.mark.parametrize("number", ["999", "0", "9999999999", "a", "1.5"])
def test_the_badge_of_an_unknown_monitor_is_a_picture_that_says_so(
    client: TestClient, number: str
) -> None:
    assert title(client, f"{number}.svg", status=404) == "monitor: not found"


@pytest.mark.parametrize("query", ["show=all", "range=1y", "label=", "label=a%00b"])
def test_a_badge_with_invalid_options_is_refused(client: TestClient, query: str) -> None:
    number = add(client)

    assert client.get(f"/api/badge/{number}.svg?{query}").status_code == 422


def test_a_badge_is_cached_briefly_and_has_a_strict_content_policy(client: TestClient) -> None:
    path = f"/api/badge/{add(client)}.svg"
    answer = client.get(path)

    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})

    assert again.status_code == 304
    assert answer.headers["Cache-Control"] == "public, max-age=30"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
