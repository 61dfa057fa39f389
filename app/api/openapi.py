"""The API's description, with the errors and the keys that routes share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic.json_schema import models_json_schema

from app.api.access import stated
from app.api.problems import FieldError, ProblemDetails, documented

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, `sw_…`. Its scope is `read`, to see everything, or `write`, to "
    "change it too.",
}
# FastAPI's own shapes of a 422, which no route here answers with.
_UNUSED = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Make `app` describe its errors as they are: problem details, for all routes alike."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _describe(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    _, definitions = models_json_schema(
        [(ProblemDetails, "serialization"), (FieldError, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    schemas |= definitions["$defs"]
    if app.state.keys_required:
        description["components"]["securitySchemes"] = {"key": _KEY}
        _describe_keys(app, description["paths"])
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            for status in _shared(path, method, operation):
                responses[str(status)] = documented(status)[status]
            operation["responses"] = dict(sorted(responses.items()))
    return description


def _describe_keys(app: FastAPI, paths: dict[str, Any]) -> None:
    """Say of every route which scope of key it needs, and how it refuses others."""
    for route in iter_route_contexts(app.routes):
        for method in getattr(route, "methods", None) or ():
            operation = paths.get(route.path or "", {}).get(method.lower())
            needed = operation and stated(route, method)
            if needed == "public":
                operation["security"] = []
            elif needed:
                operation["security"] = [{"key": [needed]}]
                operation["responses"] |= {
                    str(status): documented(status)[status]
                    for status in ((401, 403) if needed == "write" else (401,))
                }


def _shared(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    """Return the statuses of errors that come from the middleware before the routes."""
    statuses = {421}
    if path.startswith("/api/"):
        statuses.add(415)
        if method != "get":
            statuses.add(403)
    if "requestBody" in operation:
        statuses |= {400, 413}
    if "422" in operation["responses"]:
        statuses.add(422)
    return statuses
