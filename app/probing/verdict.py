"""Whether an HTTP response meets the conditions that a monitor sets."""

import json
import re
from time import time

from app.probing.http import Response
from app.probing.result import Failure
from app.probing.rules import JsonScalar, find, show_status_ranges
from app.probing.targets import HttpTarget

DAY = 86_400
_SHOWN = 60

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


def judge(target: HttpTarget, response: Response) -> None:
    """Return if the response meets all conditions; raise Failure with the first one it does not."""
    status = response.status
    if not any(status in accepted for accepted in target.accepted):
        raise Failure(f"status {status} (accepted: {show_status_ranges(target.accepted)})")
    if target.keyword is not None:
        found = _contains(response, target.keyword)
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


def _contains(response: Response, keyword: str) -> bool:
    """Return whether the body contains the keyword, in UTF-8 or in its declared encoding."""
    if keyword.encode("utf-8", "replace") in response.body:
        return True
    declared = _CHARSET.search(response.headers.get(b"content-type", b""))
    if declared is None:
        return False
    try:
        return keyword.encode(declared[1].decode("ascii")) in response.body
    except (LookupError, UnicodeError):
        return False


def _judge_json(response: Response, path: str, expected: JsonScalar) -> None:
    if response.truncated:
        raise Failure("body larger than 1 MiB, too large for a JSON path")
    try:
        document = json.loads(response.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Failure("body is not JSON") from None
    try:
        value = find(path, document)
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
