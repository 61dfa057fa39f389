"""Whether an HTTP answer is what the monitor asks for."""

import json
import re
from time import time
from typing import TYPE_CHECKING

from app.probing.failure import Failure
from app.probing.rules import JsonScalar, parse_json_path, show_status_ranges
from app.probing.targets import HttpTarget

if TYPE_CHECKING:
    from app.probing.http import Response

DAY = 86_400
_SHOWN = 60

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
# Named by a stranger, so only encodings of text that are known to behave.
_CHARSETS = re.compile(
    r"(iso-?8859-?[0-9]{1,2}|latin-?1|windows-125[0-8]|koi8-[ru]|utf-16(le|be)?|shift_jis|euc-jp"
    r"|iso-2022-jp|gbk|gb2312|gb18030|big5|euc-kr)",
    re.IGNORECASE,
)


def judge(target: HttpTarget, response: "Response") -> None:
    """Return if the response is right; raise Failure with the first thing that is not."""
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


def _contains(response: "Response", keyword: str) -> bool:
    """Tell whether the body has the keyword, in UTF-8 or in the encoding that it declares."""
    if keyword.encode("utf-8", "replace") in response.body:
        return True
    declared = _CHARSET.search(response.headers.get(b"content-type", b""))
    charset = declared[1].decode("ascii") if declared else ""
    if not _CHARSETS.fullmatch(charset):
        return False
    if charset.lower() == "utf-16":
        # Without a mark in the middle of the text; which order it is has to be tried.
        return any(
            keyword.encode(each, "replace") in response.body for each in ("utf-16le", "utf-16be")
        )
    try:
        return keyword.encode(charset) in response.body
    except (LookupError, UnicodeEncodeError):
        return False


def _judge_json(response: "Response", path: str, expected: JsonScalar) -> None:
    if response.truncated:
        raise Failure("body larger than 1 MiB, too large for a JSON path")
    try:
        document = json.loads(response.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Failure("body is not JSON") from None
    try:
        value = parse_json_path(path).find(document)
    except ValueError as error:
        raise Failure(str(error)) from None
    except LookupError:
        raise Failure(f"JSON path {path} leads to nothing") from None
    if not _equal(value, expected):
        raise Failure(f"JSON path {path} is {_show(value)}, not {_show(expected)}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _equal(value: object, expected: JsonScalar) -> bool:
    # To Python, True is 1; to JSON it is not.
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
