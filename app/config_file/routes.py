"""Routes for the whole configuration as a file: export, diff, apply."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.access import requires
from app.api.content_type import YAML
from app.api.dependencies import SealerDep, Session
from app.api.freshness import changes_status
from app.api.problems import FieldError, Problem, documented
from app.channels.sealing import Sealer
from app.config_file.applying import apply, difference
from app.config_file.changes import Changes
from app.config_file.document import Document, read_document
from app.config_file.export import export
from app.config_file.faults import BadFileError
from app.config_file.stored import load_at_once

router = APIRouter(
    prefix="/api/config",
    tags=["config"],
    dependencies=[changes_status()],
    responses=documented(429, 503),
)

EXAMPLE = """\
version: 1
channels:
  - name: On call
    kind: webhook
    url: https://example.com/hook
monitors:
  - name: Shop
    kind: http
    url: https://example.com/health
    interval_seconds: 30
    channels: [On call]
"""

Prune = Annotated[
    bool, Query(description="Delete entries that are not in the file, with all their data.")
]
# The body is read as bytes, because it is not JSON.
_YAML_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {YAML: {"schema": {"type": "string"}, "examples": {"file": {"value": EXAMPLE}}}},
    }
}


async def _document(request: Request) -> Document:
    data = await request.body()
    try:
        # In a thread, because a long file would block the event loop for too long.
        return await asyncio.to_thread(read_document, data)
    except BadFileError as error:
        raise _problem(error) from None


# First among a route's parameters, so that a slow client occupies no database connection.
File = Annotated[Document, Depends(_document)]


class Work(Protocol):
    """`apply`, or `difference`."""

    def __call__(
        self, session: AsyncSession, document: Document, sealer: Sealer, *, prune: bool
    ) -> Awaitable[Changes]: ...


class YamlResponse(Response):
    """A YAML file."""

    media_type = YAML


@router.get(
    "",
    response_class=YamlResponse,
    responses=documented(409),
    dependencies=[requires("read")],
)
async def export_config(session: Session, sealer: SealerDep) -> YamlResponse:
    """Return the whole configuration as a YAML file, without default values.

    *** stands for each secret; applying such a file keeps the stored secret. The values themselves
    are exported only by `stagewatch export --secrets`, never by this API.
    """
    stored = await load_at_once(session, sealer)
    return YamlResponse(await asyncio.to_thread(export, stored))


@router.put(
    "",
    responses=documented(409, 413, 422),
    openapi_extra=_YAML_BODY,
    dependencies=[requires("write")],
)
async def apply_config(
    file: File, session: Session, sealer: SealerDep, *, prune: Prune = False
) -> Changes:
    """Apply the file to the configuration, all of it or nothing.

    Monitors and channels are identified by their names. Entries that do not differ are not touched.
    Entries that the file lacks are kept, unless `prune` is set. Errors have the line of the file.
    """
    return await _compared(apply, session, file, sealer, prune=prune)


@router.post(
    "/diff",
    responses=documented(413, 422),
    openapi_extra=_YAML_BODY,
    dependencies=[requires("read")],
)
async def diff_config(
    file: File, session: Session, sealer: SealerDep, *, prune: Prune = False
) -> Changes:
    """Return what applying the file would change, without changing anything."""
    return await _compared(difference, session, file, sealer, prune=prune)


async def _compared(
    work: Work, session: AsyncSession, file: Document, sealer: Sealer, *, prune: bool
) -> Changes:
    try:
        return await work(session, file, sealer, prune=prune)
    except BadFileError as error:
        raise _problem(error) from None


def _problem(error: BadFileError) -> Problem:
    errors = [
        FieldError(field=fault.field, detail=fault.detail, line=fault.line)
        for fault in error.faults
    ]
    return Problem(422, str(error), errors=errors)
