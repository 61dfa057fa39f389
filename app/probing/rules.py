"""The rules for a monitor's accepted statuses, headers, method and JSON path."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
JSON_PATH_LIMIT = 500
HEADER_NAME_LIMIT = 100
HEADER_VALUE_LIMIT = 8192

JsonScalar = str | int | float | bool | None

_STATUS_RANGE = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?", re.ASCII)
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
# RFC 9110, section 5.5, and no lone surrogates, which could not be sent.
_BAD_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# These describe the connection or the body's length, which the client decides itself.
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def parse_status_ranges(items: Iterable[str | int]) -> tuple[range, ...]:
    """Return ["200-299", "301", 404] as ranges; raise ValueError with a plain sentence."""
    ranges = tuple(_status_range(item) for item in items)
    if not ranges:
        raise ValueError("at least one status must be accepted")
    return ranges


def _status_range(item: str | int) -> range:
    text = "" if isinstance(item, bool) else str(item).strip()
    match = _STATUS_RANGE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{str(item)[:40]!r} is not a status between 100 and 599, nor a range of them"
        )
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise ValueError(f"the range {text!r} is reversed")
    return range(first, last + 1)


def show_status_ranges(ranges: Sequence[range]) -> str:
    """Return ranges as text for users: 200-299, 301."""
    return ", ".join(
        str(accepted.start) if len(accepted) == 1 else f"{accepted.start}-{accepted.stop - 1}"
        for accepted in ranges
    )


def check_method(method: str) -> None:
    """Raise ValueError if a check may not use the method."""
    if method not in METHODS:
        raise ValueError(f"the method must be one of {', '.join(sorted(METHODS))}")


def check_header(name: str, value: str) -> None:
    """Raise ValueError with a plain sentence if the header cannot or must not be sent."""
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is not a header name")
    if len(name) > HEADER_NAME_LIMIT:
        raise ValueError(f"the header name is longer than {HEADER_NAME_LIMIT} characters")
    if name.lower() in _FRAMING:
        raise ValueError(f"the header {name} is set by the check itself")
    if _BAD_VALUE.search(value):
        raise ValueError(f"the header {name} contains a line break or another control character")
    if len(value) > HEADER_VALUE_LIMIT:
        raise ValueError(f"the header {name} is longer than {HEADER_VALUE_LIMIT} characters")
    if name.lower() == "host" and (not value.strip() or re.search(r"[\s,/?#@\\]", value.strip())):
        raise ValueError("the header Host is not a host")


_environment = JSONPathEnvironment(strict=True)


def check_json_path(path: str) -> str:
    """Return `path` if it is a singular query of RFC 9535 ($.a[0]['b']), which finds one value.

    Raises ValueError for anything else: with a document of the server's choosing, wildcards,
    slices, filters and `..` can take unlimited time.
    """
    if len(path) > JSON_PATH_LIMIT:
        raise ValueError(f"the JSON path is longer than {JSON_PATH_LIMIT} characters")
    try:
        query = _environment.compile(path)
    except (JSONPathError, ValueError, OverflowError, RecursionError) as error:
        # Formatting the error reads the source and can fail for an empty path, so only the
        # argument is used.
        why = error.args[0] if error.args else "it cannot be read"
        raise ValueError(f"not a JSON path: {why}") from None
    if not isinstance(query, JSONPath) or not query.singular_query():
        raise ValueError("the JSON path must lead to one value: only names and indexes")
    return path


def find(path: str, document: Any) -> object:
    """Return the value that the path selects; raise LookupError if there is none."""
    found = _environment.findall(path, document)
    if not found:
        raise LookupError(path)
    return found[0]
