"""The pages as `make run` serves them."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.pages import FOLDER, HEADERS, add_pages, prefers_html
from app.settings import Settings

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(Settings())
    add_pages(app)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("text/*", True),
        ("TEXT/HTML;q=0.3, application/json;q=0.2", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=high", False),
    ],
)
def test_html_is_for_clients_that_rank_it_first(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


def test_a_browser_gets_the_status_page_and_a_program_gets_json(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": BROWSER})
    answer = client.get("/")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept"
    assert answer.json()["name"] == "stagewatch"


@pytest.mark.parametrize("path", ["/", "/assets/theme.css", "/assets/status/main.js"])
def test_pages_and_assets_have_the_headers_of_pages(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": BROWSER})

    assert answer.status_code == 200
    assert (
        HEADERS.items() <= {name.title(): value for name, value in answer.headers.items()}.items()
    )


def test_an_unchanged_page_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/assets/theme.css").headers["etag"]

    answer = client.get("/assets/theme.css", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../pyproject.toml",
        "/assets/..%2f..%2f..%2fpyproject.toml",
        "/assets/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
        "/assets//etc/passwd",
        "/assets/",
        "/assets/none.js",
    ],
)
def test_nothing_outside_of_the_pages_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("page", ["index.html", "502.html"])
def test_a_page_needs_no_more_than_its_policy_allows(page: str) -> None:
    text = (FOLDER / page).read_text()

    assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:", text, re.IGNORECASE)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text, re.IGNORECASE)


def test_no_script_makes_elements_of_text() -> None:
    for script in FOLDER.rglob("*.js"):
        text = script.read_text()
        found = re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        assert found is None, f"{script.name}: {found}"


def test_the_status_page_weighs_less_than_100_kb_compressed() -> None:
    weights = {
        path.name: len(gzip.compress(path.read_bytes(), 6))
        for path in needed(FOLDER / "index.html")
    }

    assert len(weights) > 10
    assert sum(weights.values()) < 100_000, weights


def needed(page: Path) -> set[Path]:
    """Return a page with the files that it loads, and those that these import."""
    found = {page}
    waiting = [FOLDER / name for name in re.findall(r'="/(assets/[^"]+)"', page.read_text())]
    while waiting:
        path = waiting.pop().resolve()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".js":
            names = re.findall(r'^(?:import|\}).* from "(\..*?)";', path.read_text(), re.MULTILINE)
            waiting += [path.parent / name for name in names]
    return found
