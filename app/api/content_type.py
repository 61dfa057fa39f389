"""Accept only JSON in request bodies."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response


class JsonOnlyMiddleware:
    """ASGI middleware: 415 for a body below `prefix` that is not declared as JSON.

    This also protects users: a browser lets pages of any site send text/plain and forms here, but
    asks for permission before it sends application/json.
    """

    def __init__(self, app: ASGIApp, prefix: str = "/api/") -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            headers = Headers(scope=scope)
            if _has_body(headers) and not _is_json(headers):
                detail = "The body must be JSON, sent with Content-Type: application/json."
                # The body is not read, so the connection can't be reused.
                refusal = problem_response(415, detail, headers={"connection": "close"})
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
