"""Opens pages in separate browser contexts, fails on errors, and takes screenshots."""

import re
from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

from tests.services import ROOT

SCREENSHOTS = ROOT / ".screenshots"
DESK: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# Errors that browsers report for expected responses: the pages handle them.
_LOADING = re.compile(r"^Failed to load resource")


class Pages:
    """Pages for a test. None may report an error: of a script, or of the content's policy."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.faults: list[str] = []
        self.contexts: list[BrowserContext] = []

    def open(self, url: str, *, before: Callable[[Page], object] | None = None, **how: Any) -> Page:
        """Open a page in a context of its own, made with `how`; `before` gets it while empty."""
        context = self.browser.new_context(**({"viewport": DESK, "locale": "en-GB"} | how))
        context.set_default_timeout(10_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{error.name}: {error.message}"))
        page.on("console", self._on_console)
        if before is not None:
            before(page)
        page.goto(url)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _LOADING.match(message.text):
            self.faults.append(message.text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def picture(page: Page, name: str) -> None:
    """Keep a screenshot for people to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


_APPEARED = """
    Promise.allSettled(document.getAnimations()
        .filter((it) => Number.isFinite(it.effect.getComputedTiming().endTime))
        .map((it) => it.finished))
"""


def serious_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical; the page's context must bypass its policy."""
    # Elements that fade in have less contrast.
    page.evaluate(_APPEARED)
    results = Axe().run(page)
    return [
        f"{fault['id']}: {node['html']}: {node['failureSummary']}"
        for fault in results.response["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def is_wider_than_screen(page: Page) -> bool:
    """Return whether the page scrolls sideways."""
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))
