"""Lists in pages: a cursor marks where the next one begins, however much is added meanwhile."""

import base64
import binascii
import json
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from app.problems import FieldError, Problem

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """`next` is the `cursor` of the following page; null on the last one."""

    items: list[Item]
    next: str | None = Field(examples=["WzQyXQ"])


Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]


def to_cursor(key: str | int) -> str:
    """The place after the item with this key, for the client to send back."""
    return base64.urlsafe_b64encode(json.dumps([key]).encode()).rstrip(b"=").decode()


def from_cursor(cursor: str) -> str | int:
    """The key in a cursor. Raises Problem (422) when it is none of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        [key] = json.loads(base64.urlsafe_b64decode(padded))
        if type(key) not in (str, int):
            raise ValueError(key)
    except (ValueError, TypeError, binascii.Error):
        raise bad_cursor() from None
    return key  # type: ignore[no-any-return]  # its type was looked at above


def bad_cursor() -> Problem:
    """The answer to a cursor that no page ever had."""
    detail = "it is not a cursor of this list"
    return Problem(422, f"cursor: {detail}", errors=[FieldError(field="cursor", detail=detail)])
