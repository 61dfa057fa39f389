"""The OpenAPI description, with the errors and keys that routes have in common."""

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
    "description": "An API key, `sw_…`. The scope `read` allows reading everything; `write` "
    "also allows changes.",
}
# FastAPI's own schemas of a 422, which no route here returns.
_UNUSED = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Make `app` describe its errors as problem details, for all routes."""

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
    """Describe for every route which key scope it needs, and how it refuses others."""
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
    """Return the statuses of errors that middleware returns before the routes."""
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
