"""ETag and If-Match, so that two clients editing a resource do not overwrite each other."""

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
            description="The ETag of the version to change; 412 if there is a newer one.",
            examples=['"3"'],
        ),
    ] = None,
) -> int | None:
    """Return the version that the client names; None if it names none, or any ("*").

    Weak ETags never match (RFC 9110, 13.1.1), and neither do ETags of other servers.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise Problem(412, "If-Match is not an ETag of this resource.")
    return int(match[1])


IfMatch = Annotated[int | None, Depends(if_match)]
