"""Lists in pages: a cursor marks the start of the next page, whatever is added meanwhile."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.errors import InvalidFieldError

Item = TypeVar("Item")


Limit = Annotated[int, Query(ge=1, le=1000, description="Items per page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the previous page.")]


class Page(BaseModel, Generic[Item]):
    """`next` is the `cursor` of the following page; null on the last one."""

    items: list[Item]
    next: str | None = Field(examples=["WyJkZjQ1ZTk2OSIsNDJd"])


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The page of a list that a client requests."""

    limit: Limit = 100
    cursor: Cursor = None


PageDep = Annotated[PageQuery, Depends()]


async def paginate(
    session: AsyncSession,
    query: Select[*tuple[Any, ...]],
    page: PageQuery,
    *,
    name: str,
    key: InstrumentedAttribute[int] | InstrumentedAttribute[datetime],
    newest_first: bool = False,
    filters: Mapping[str, Any] | None = None,
) -> tuple[Sequence[Any], str | None]:
    """Return the rows of one page, ordered by `key`, and the cursor of the next.

    `key` must be unique among the query's rows and is selected after its columns.
    `name` and `filters` identify the list, because a cursor is valid for one list only. Raises
    InvalidFieldError for a cursor of another list.
    """
    mark = _mark(name, filters or {})
    if page.cursor is not None:
        place = _place(page.cursor, mark, key)
        query = query.where(key < place if newest_first else key > place)
    query = query.add_columns(key.label("page_key")).limit(page.limit + 1)
    query = query.order_by(key.desc() if newest_first else key)
    rows = (await session.execute(query)).all()
    if len(rows) <= page.limit:
        return rows, None
    rows = rows[: page.limit]
    return rows, _cursor(mark, rows[-1].page_key)


def _mark(name: str, filters: Mapping[str, Any]) -> str:
    """Return a short digest that distinguishes one list from another."""
    text = json.dumps([name, dict(sorted(filters.items()))], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _cursor(mark: str, key: int | datetime) -> str:
    place = key if isinstance(key, int) else key.astimezone(UTC).isoformat()
    text = json.dumps([mark, place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _place(
    cursor: str,
    mark: str,
    key: InstrumentedAttribute[int] | InstrumentedAttribute[datetime],
) -> int | datetime:
    try:
        return _decoded(cursor, mark, key)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise InvalidFieldError("cursor", "it is not a cursor for this list") from None


def _decoded(
    cursor: str,
    mark: str,
    key: InstrumentedAttribute[int] | InstrumentedAttribute[datetime],
) -> int | datetime:
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    found, place = json.loads(text)
    if found != mark:
        raise ValueError(found)
    if key.type.python_type is datetime:
        # Near the years 1 and 9999 there are times that UTC can't express.
        return datetime.fromisoformat(place).astimezone(UTC)
    if type(place) is not int or not 0 <= place < _end(key):
        raise ValueError(place)
    return place


def _end(key: InstrumentedAttribute[Any]) -> int:
    """Return the first number that the column can't hold."""
    return 2**63 if isinstance(key.type, BigInteger) else 2**31
