"""Errors as problem details (RFC 9457): one shape for everything that goes wrong."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from app.database import DatabaseUnavailable

log = logging.getLogger(__name__)

KINDS = frozenset({"http", "tcp", "dns", "heartbeat"})


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(examples=["interval_seconds"])
    detail: str = Field(examples=["Input should be greater than or equal to 5"])


class ProblemDetails(BaseModel):
    """RFC 9457. `errors` is there when fields of the request are at fault."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["interval_seconds: Input should be greater than or equal to 5"])
    errors: list[FieldError] | None = None


class Problem(Exception):
    """Raise it to answer with problem details; `errors` name the fields at fault."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers


def problem_response(
    status: int,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer for a problem, outside of FastAPI's handlers too."""
    details = ProblemDetails(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors) or None
    )
    return JSONResponse(
        details.model_dump(exclude_none=True),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/problem+json",
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these, for OpenAPI."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDetails"}
                }
            },
        }
        for status in statuses
    }


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors by the field's own name, "headers.X-Token", as the client sent it."""
    return [FieldError(field=_field(error), detail=_detail(error)) for error in errors]


def _detail(error: Mapping[str, Any]) -> str:
    if isinstance(error.get("input"), bytes):
        # Nobody parsed it, because it was not said to be JSON.
        return "It must be JSON, sent with Content-Type: application/json"
    return str(error["msg"]).removeprefix("Value error, ")


def invalid(error: ValidationError | RequestValidationError) -> Problem:
    """The answer to what Pydantic found wrong: 422, naming the fields."""
    errors = field_errors(error.errors())
    detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in errors)
    return Problem(422, detail, errors=errors)


def _field(error: Mapping[str, Any]) -> str:
    if discriminator := error.get("ctx", {}).get("discriminator"):
        return str(discriminator).strip("'")
    path = [str(part) for part in error["loc"]]
    if path and path[0] in {"body", "query", "path", "header"}:
        path = path[1:]
    if len(path) > 1 and path[0] in KINDS:
        # Pydantic's way of saying by which of the kinds' schemas it was read.
        path = path[1:]
    return ".".join(path) or "body"


def install(app: FastAPI) -> None:
    """Make `app` answer every error with problem details."""

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(
            error.status, error.detail, errors=error.errors, headers=error.headers
        )

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem_response(error.status_code, str(error.detail), headers=error.headers)

    async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        problem = invalid(error)
        return problem_response(422, problem.detail, errors=problem.errors)

    async def on_database_down(request: Request, error: Exception) -> JSONResponse:
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return problem_response(
            503, "The database does not answer; try again soon.", headers={"Retry-After": "5"}
        )

    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        return problem_response(500, "Something went wrong here; it has been logged.")

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(DatabaseUnavailable, on_database_down)
    app.add_exception_handler(Exception, on_bug)
