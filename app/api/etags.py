"""ETag and If-Match, so that two editors of one thing do not overwrite each other's changes."""

import re
from typing import Annotated

from fastapi import Depends, Header

from app.api.problems import Problem

_ETAG = re.compile(r'"([1-9][0-9]{0,9})"', re.ASCII)


def etag(version: int) -> str:
    return f'"{version}"'


def if_match(
    if_match: Annotated[
        str | None,
        Header(
            max_length=100,
            description="The ETag of the version that is meant; 412 when there is a newer one.",
            examples=['"3"'],
        ),
    ] = None,
) -> int | None:
    """Return the version that the client names; None if it names none, or any ("*").

    A weak one matches nothing here (RFC 9110, 13.1.1), nor does one that was not made here.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise Problem(412, "If-Match is not an ETag of this resource.")
    return int(match[1])


IfMatch = Annotated[int | None, Depends(if_match)]
