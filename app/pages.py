"""Serve the status page and the console without Nginx, for `make run`."""

from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).resolve().parents[1] / "nginx/html"
# The headers that Nginx sends, so that what works here works there too.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Without a build step, new content has no new name, so browsers must revalidate.
    "Cache-Control": "no-cache",
}


class Files(StaticFiles):
    """Static files with the headers of pages; nothing outside their folder is served."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


class PageRoute(Route):
    """A route that matches only clients that prefer HTML to JSON."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is Match.FULL and not prefers_html(Headers(scope=scope).get("accept", "")):
            return Match.NONE, {}
        return match, child


def add_pages(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve the pages in `folder`: the status page at /, next to the JSON for programs."""
    files = Files(directory=folder)

    async def index(request: Request) -> Response:
        response = await files.get_response("index.html", request.scope)
        response.headers["Vary"] = "Accept"
        return response

    app.mount("/assets", Files(directory=folder / "assets"))
    for name in ("console", "subscription"):
        app.mount(f"/{name}", Files(directory=folder / name, html=True, check_dir=False))
    # Before the existing route, because the first match wins.
    app.router.routes.insert(0, PageRoute("/", index))


def prefers_html(accept: str) -> bool:
    """Return whether an Accept header (RFC 9110, 12.5.1) ranks text/html above JSON.

    A browser does; `*/*`, which most programs send, does not.
    """
    return _quality(accept, "text/html") > _quality(accept, "application/json")


def _quality(accept: str, wanted: str) -> float:
    """Return the weight of the most specific range that covers a media type, 0 for none."""
    ranges = ("*/*", f"{wanted.partition('/')[0]}/*", wanted)
    found = (-1, 0.0)
    for part in accept.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        if name not in ranges:
            continue
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            found = max(found, (ranges.index(name), float(weight)))
        except ValueError:
            # The weight is not a number: ignore the range, like an unknown one.
            continue
    return found[1]
