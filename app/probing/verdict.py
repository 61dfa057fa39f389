"""The conditions that a monitor may set for an HTTP response, and whether they are met."""

import codecs
import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from time import time

from jsonpath import JSONPath, JSONPathEnvironment

from app.probing.body import COMPRESSIONS
from app.probing.http import Response
from app.probing.result import Failure
from app.probing.targets import HttpTarget, JsonScalar

JSON_PATH_LIMIT = 500

DAY = 86_400
_SHOWN = 60

_STATUS_RANGE = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?", re.ASCII)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
# The server names the encoding, so only known, harmless text encodings are accepted.
_CHARSETS = re.compile(
    r"(iso-?8859-?[0-9]{1,2}|latin-?1|windows-125[0-8]|koi8-[ru]|utf-16(le|be)?|shift_jis|euc-jp"
    r"|iso-2022-jp|gbk|gb2312|gb18030|big5|euc-kr)",
    re.IGNORECASE,
)

# What browsers read as another encoding, which has more characters (encoding.spec.whatwg.org, 4.2).
_READ_AS = {
    "iso8859-1": "windows-1252",
    "iso8859-9": "windows-1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Bytes at the beginning in which a page may name its encoding.
DECLARED_WITHIN = 1024
# Compressions that some servers send although a check accepts none.
_UNREADABLE = frozenset({b"br", b"zstd", b"compress", b"x-compress", b"dcb", b"dcz"})

_environment = JSONPathEnvironment(strict=True)


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
        str(statuses.start) if len(statuses) == 1 else f"{statuses.start}-{statuses.stop - 1}"
        for statuses in ranges
    )


@lru_cache(maxsize=1024)
def parse_json_path(text: str) -> JSONPath:
    """Return a singular query of RFC 9535 ($.a[0]['b']), which finds at most one value.

    Raises ValueError for anything else: with a document of the server's choosing, wildcards,
    slices, filters and `..` can take unlimited time.
    """
    if len(text) > JSON_PATH_LIMIT:
        raise ValueError(f"the JSON path is longer than {JSON_PATH_LIMIT} characters")
    try:
        query = _environment.compile(text)
    except Exception as error:  # noqa: BLE001  (OverflowError too, for a number like 1e400)
        # Formatting the error reads the source and can fail for an empty path, so only the
        # argument is used.
        why = error.args[0] if error.args else "it cannot be read"
        raise ValueError(f"not a JSON path: {why}") from None
    if not (isinstance(query, JSONPath) and query.singular_query()):
        raise ValueError("the JSON path must lead to one value: only names and indexes")
    return query


def find_json(path: str, document: object) -> object:
    """Return the value that the path selects; raise LookupError if there is none."""
    found = parse_json_path(path).findall(document)  # type: ignore[arg-type]  # any document
    if not found:
        raise LookupError(path)
    return found[0]


def judge(target: HttpTarget, response: Response) -> None:
    """Return if the response meets all conditions; raise Failure with the first one it does not."""
    status = response.status
    if not any(status in accepted for accepted in target.accepted):
        raise Failure(f"status {status} (accepted: {show_status_ranges(target.accepted)})")
    if target.keyword is not None or target.json_path is not None:
        _check_readable(response)
    if target.keyword is not None:
        found = contains(response, target.keyword)
        if found and target.keyword_absent:
            raise Failure("keyword found that must be absent")
        if not found and not target.keyword_absent:
            raise Failure("keyword not found")
    if target.json_path is not None:
        _judge_json(response, target.json_path, target.json_value)
    if target.certificate_days is not None and response.certificate_expires is not None:
        left = response.certificate_expires - time()
        if left < target.certificate_days * DAY:
            days = int(left // DAY)
            raise Failure(
                f"certificate expires in {days} day{'' if days == 1 else 's'} "
                f"(limit {target.certificate_days})"
            )


def charset_of(declaration: bytes) -> str | None:
    """Return the encoding declared by a header or the start of a page, unless it is UTF-8."""
    declared = _CHARSET.search(declaration)
    charset = declared[1].decode("ascii") if declared else ""
    if not _CHARSETS.fullmatch(charset):
        return None
    try:
        return _READ_AS.get(codecs.lookup(charset).name, charset)
    except LookupError:
        # Python does not know it.
        return None


def contains(response: Response, keyword: str) -> bool:
    """Return whether the body contains the keyword, in UTF-8 or in its declared encoding.

    A page that declares none is also read as Windows-1252, as in browsers.
    """
    if keyword.encode("utf-8", "replace") in response.body:
        return True
    charset = (
        charset_of(response.headers.get(b"content-type", b""))
        or charset_of(response.body[:DECLARED_WITHIN])
        or "windows-1252"
    )
    if charset.lower() == "utf-16":
        # There is no byte order mark in the middle of the text, so both orders are tried.
        return any(
            keyword.encode(order, "replace") in response.body for order in ("utf-16le", "utf-16be")
        )
    try:
        return keyword.encode(charset) in response.body
    except UnicodeEncodeError:
        # It can't encode the keyword: then it isn't there.
        return False


def _check_readable(response: Response) -> None:
    """Raise Failure if the body is still compressed: its content is unknown."""
    header = response.headers.get(b"content-encoding", b"").lower()
    codings = [coding.strip() for coding in header.split(b",")]
    several = len(codings) > 1 and not COMPRESSIONS.isdisjoint(codings)
    if several or not _UNREADABLE.isdisjoint(codings):
        named = header.decode("ascii", "replace")
        raise Failure(f"body is compressed as {named}, which a check can't read")


def _judge_json(response: Response, path: str, expected: JsonScalar) -> None:
    if response.truncated:
        raise Failure("body larger than 1 MiB, too large for a JSON path")
    try:
        document = json.loads(response.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Failure("body is not JSON") from None
    try:
        value = find_json(path, document)
    except ValueError as error:
        raise Failure(str(error)) from None
    except LookupError:
        raise Failure(f"JSON path {path} leads to nothing") from None
    if not _equal(value, expected):
        raise Failure(f"JSON path {path} is {_show(value)}, not {_show(expected)}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _equal(value: object, expected: JsonScalar) -> bool:
    # True equals 1 in Python, but not in JSON.
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    return value == expected


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
