"""Accept only JSON in request bodies, and YAML where a file is sent."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response

# RFC 9512. As with JSON, browsers do not send it for another site without asking first.
YAML = "application/yaml"
TAKE_YAML = frozenset({"/api/config", "/api/config/diff"})


class JsonOnlyMiddleware:
    """ASGI middleware: 415 for a body below `prefix` that is not declared as JSON, or YAML.

    This also protects users: a browser lets pages of any site send text/plain and forms here, but
    asks for permission before it sends application/json.
    """

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            headers = Headers(scope=scope)
            takes_yaml = scope["path"] in TAKE_YAML
            if _has_body(headers) and not _is_right(headers, yaml=takes_yaml):
                what, media_type = ("YAML", YAML) if takes_yaml else ("JSON", "application/json")
                detail = f"The body must be {what}, sent with Content-Type: {media_type}."
                # The body is not read, so the connection can't be reused.
                refusal = problem_response(415, detail, headers={"connection": "close"})
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


def _is_right(headers: Headers, *, yaml: bool) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    # JSON is YAML too.
    if yaml and media_type == YAML:
        return True
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
