"""Errors as problem details (RFC 9457): one format for all errors."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app import request_id
from app.api.private_paths import shown
from app.database import DatabaseUnavailable
from app.errors import (
    ConflictError,
    DomainError,
    InvalidFieldError,
    NotFoundError,
    PreconditionFailedError,
)
from app.monitors.schemas import KINDS
from app.probing.result import CheckerFault

log = logging.getLogger(__name__)

# Field errors in one response: a client that sends thousands of wrong fields needs only some.
MAX_ERRORS = 20
_MAX_FIELD_CHARACTERS = 100
_MAX_DETAIL_CHARACTERS = 300

_STATUSES: Mapping[type[DomainError], int] = {
    NotFoundError: 404,
    ConflictError: 409,
    PreconditionFailedError: 412,
    InvalidFieldError: 422,
}

# A key in the request's JSON may contain what UTF-8 can't encode, or what does harm in a terminal.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]"
)


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(examples=["interval_seconds"])
    detail: str = Field(examples=["Input should be greater than or equal to 5"])
    line: int | None = Field(default=None, description="The line of the file, counted from 1.")


class ProblemDetails(BaseModel):
    """RFC 9457. `errors` is present if fields of the request are invalid."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["interval_seconds: Input should be greater than or equal to 5"])
    errors: list[FieldError] | None = None


class Problem(Exception):
    """Raise this to respond with problem details; `errors` name the invalid fields."""

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
    """Return the response for a problem; also for use outside FastAPI's handlers."""
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
    """Return the `responses` of a route that may return these statuses, for OpenAPI."""
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


def invalid_fields(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return a 422 with the first of Pydantic's errors, under the names that the client used.

    Nested fields are joined by dots, as in "headers.X-Token".
    """
    shown = [
        FieldError(field=_clean(_field(error), _MAX_FIELD_CHARACTERS), detail=_detail(error))
        for error in errors[:MAX_ERRORS]
    ]
    detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in shown)
    if len(errors) > len(shown):
        detail += f"; and {len(errors) - len(shown)} more"
    return Problem(422, detail, errors=shown)


def _detail(error: Mapping[str, Any]) -> str:
    return _clean(str(error["msg"]).removeprefix("Value error, "), _MAX_DETAIL_CHARACTERS)


def _clean(text: str, limit: int) -> str:
    text = _UNPRINTABLE.sub("\ufffd", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _field(error: Mapping[str, Any]) -> str:
    path = list(error["loc"])
    if path and path[0] in {"body", "query", "path", "header"}:
        path = path[1:]
    # Pydantic adds the kind whose schema was used to read a monitor.
    for place, part in enumerate(path[:-1]):
        if part in KINDS and (place == 0 or isinstance(path[place - 1], int)):
            del path[place]
            break
    if discriminator := error.get("ctx", {}).get("discriminator"):
        path.append(str(discriminator).strip("'"))
    return ".".join(map(str, path)) or "body"


def install(app: FastAPI) -> None:
    """Make `app` respond to every error with problem details."""

    async def on_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(
            error.status, error.detail, errors=error.errors, headers=error.headers
        )

    async def on_http_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem_response(error.status_code, str(error.detail), headers=error.headers)

    async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return await on_problem(request, invalid_fields(error.errors()))

    async def on_domain_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, DomainError)
        errors: tuple[FieldError, ...] = ()
        if isinstance(error, InvalidFieldError):
            errors = (FieldError(field=error.field, detail=error.detail),)
        status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 409)
        return problem_response(status, str(error), errors=errors)

    async def on_database_down(request: Request, error: Exception) -> JSONResponse:
        log.warning("%s %s: %s", request.method, shown(request.url.path), error)
        return problem_response(
            503, "The database does not answer; try again soon.", headers={"Retry-After": "5"}
        )

    async def on_checker_fault(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CheckerFault)
        log.warning("%s %s: %s", request.method, request.url.path, error)
        detail = f"Nothing was checked: {error.reason}."
        return problem_response(503, detail, headers={"Retry-After": "5"})

    async def on_bug(_: Request, __: Exception) -> JSONResponse:
        # Outside all middleware, so the id that identifies the log lines must be added here.
        number = request_id.current.get()
        headers = {request_id.HEADER: number} if number else {}
        return problem_response(
            500, f"Something went wrong here; it has been logged as {number}.", headers=headers
        )

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(DomainError, on_domain_error)
    app.add_exception_handler(DatabaseUnavailable, on_database_down)
    app.add_exception_handler(CheckerFault, on_checker_fault)
    app.add_exception_handler(Exception, on_bug)
