"""Responses that a client may keep, and may revalidate later (RFC 9110, 13)."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import Headers

CACHEABLE: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not Modified: If-None-Match contains the current ETag."}
}

_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def conditional(
    request: Request,
    content: bytes,
    *,
    media_type: str,
    cache_control: str,
    digest: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the content with an ETag, or 304 to a client that already has it.

    `digest` identifies the content; without one, it is computed here.
    """
    # Weak: compressed or not, it is the same content (RFC 9110, 8.8.1).
    digest = digest or blake2b(content, digest_size=16).hexdigest()
    headers = {"Cache-Control": cache_control, "ETag": f'W/"{digest}"'} | dict(headers or {})
    if _matches(request.headers, f'"{digest}"'):
        headers.pop("Content-Encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _matches(headers: Headers, opaque: str) -> bool:
    named = ",".join(headers.getlist("if-none-match"))
    return named.strip() == "*" or opaque in _ETAG.findall(named)


def accepts_gzip(headers: Headers) -> bool:
    """Return whether the client accepts gzip; `gzip;q=0` means that it does not."""
    weights: dict[str, str] = {}
    for part in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, _, parameter = part.lower().partition(";")
        weights[coding.strip()] = parameter.replace(" ", "")
    weight = weights.get("gzip", weights.get("*"))
    return weight is not None and re.fullmatch(r"q=0(\.0*)?", weight) is None
