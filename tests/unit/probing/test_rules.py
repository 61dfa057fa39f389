"""The rules for a monitor's accepted statuses, headers, method and JSON path."""

import pytest

from app.probing.result import reason
from app.probing.rules import (
    check_header,
    check_json_path,
    check_method,
    find,
    parse_status_ranges,
    show_status_ranges,
)


def test_it_reads_status_ranges_and_shows_them() -> None:
    ranges = parse_status_ranges(["200-299", "301", 404])

    assert ranges == (range(200, 300), range(301, 302), range(404, 405))
    assert show_status_ranges(ranges) == "200-299, 301, 404"


@pytest.mark.parametrize(
    "items",
    [[], [""], ["99"], ["600"], [99], [600], [-1], ["200-"], ["-299"], ["299-200"], ["200-600"],
     ["2xx"], [True], ["٢٠٠"], ["200,301"], ["200\n300"], ["1e2"]],
)  # fmt: skip
def test_it_refuses_bad_status_ranges(items: list[str | int]) -> None:
    with pytest.raises(ValueError):
        parse_status_ranges(items)


@pytest.mark.parametrize(
    ("path", "found"),
    [("$", "all"), ("$.a", 1), ("$['a']", 1), ('$["b c"][0]', 2), ("$['b c'][-1].d", 3)],
)
def test_a_json_path_finds_its_value(path: str, found: object) -> None:
    document = {"a": 1, "b c": [2, {"d": 3}]}

    assert find(path, document) == (document if found == "all" else found)


@pytest.mark.parametrize("path", ["$.x", "$.a.b", "$.a[0]", "$['b c'].d", "$['b c'][9]", "$[0]"])
def test_a_json_path_may_lead_to_nothing(path: str) -> None:
    with pytest.raises(LookupError):
        find(path, {"a": "text", "b c": [1]})


@pytest.mark.parametrize(
    "path",
    ["", "a", ".a", "$.", "$.*", "$..a", "$[*]", "$[0:1]", "$[0,1]", "$[?@.a]", "$.a[", "$[01]",
     "$.a ", " $.a", "^.a", "$.a | $.b", "$[?match(@.a, '(a+)+$')]", "$" + ".a" * 300,
     "$[99999999999999999999]", "$[?@==1e400]"],
)  # fmt: skip
def test_a_json_path_must_lead_to_one_value(path: str) -> None:
    with pytest.raises(ValueError):
        check_json_path(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Mine", "yes"),
        ("Host", "a.test:80"),
        ("Authorization", "Bearer ü"),
        ("X", ""),
        ("X", "a\tb"),
    ],
)
def test_it_takes_proper_headers(name: str, value: str) -> None:
    check_header(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("A B", "x"), ("A:", "x"), ("Ä", "x"), ("A\n", "x"), ("A", "x\r\nB: y"),
     ("A", "x\ny"),
     ("A", "x\ry"), ("A", "x\0"), ("A", "\x7f"), ("A", "\ud800"), ("Content-Length", "1"),
     ("transfer-encoding", "chunked"), ("CONNECTION", "x"), ("Upgrade", "x"), ("Expect", "x"),
     ("Host", ""), ("Host", "a b"), ("Host", "a/b"), ("A" * 101, "x"), ("A", "x" * 8193)],
)  # fmt: skip
def test_it_refuses_headers_that_break_the_request(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        check_header(name, value)


@pytest.mark.parametrize("method", ["", "get", "GET ", "CONNECT", "TRACE", "FOO", "GET\r\n"])
def test_it_refuses_odd_methods(method: str) -> None:
    with pytest.raises(ValueError):
        check_method(method)


def test_a_reason_can_be_stored_and_read() -> None:
    assert reason("a\x00b\n\tc\ud800d\u202ee  f ") == "a b c d e f"
    assert len(reason("x" * 1000)) == 300
    assert reason("ünï 漢字 🙂") == "ünï 漢字 🙂"
