"""Fixtures: a real browser, and the running program."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from app.settings import Settings
from tests.browser.serving import Service, execute, running
from tests.browser.viewing import Pages
from tests.integration.conftest import EMPTY_TABLES, migrated_database, site

__all__ = ["migrated_database", "site"]

# Debian's name for Chromium, and its names elsewhere.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser_path() -> str:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    return path


@pytest.fixture(scope="package")
def browser(browser_path: str, migrated_database: str) -> Iterator[Browser]:
    """Start the browser, and the database before it: it is made in an event loop of its own.

    Ended with these tests: others in this process may have no event loop that is running.
    """
    # Rendering is slow on a machine that is busy with other tests.
    expect.set_options(timeout=15_000)
    # Chromium has no sandbox as root, which is the user in CI containers.
    flags = [*FLAGS, "--no-sandbox"] if os.getuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def settings(browser_path: str, migrated_database: str) -> Settings:
    """Return settings with an empty database that allow checks of this machine."""
    execute(migrated_database, EMPTY_TABLES)
    return Settings(
        database_url=migrated_database,
        allowed_networks="127.0.0.0/8",  # type: ignore[arg-type]  # read as from the environment
        rate_limit_per_minute=100_000,
    )


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """Run the whole program, which makes the due checks."""
    with running(settings, checking=True) as service:
        yield service


@pytest.fixture
def quiet_service(settings: Settings) -> Iterator[Service]:
    """Run it without checks: only the test changes anything."""
    with running(settings, checking=False) as service:
        yield service


@pytest.fixture
def pages(browser: Browser) -> Iterator[Pages]:
    pages = Pages(browser)
    yield pages
    pages.close()
    assert not pages.faults, pages.faults
