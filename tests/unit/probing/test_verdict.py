"""Conditions that a monitor can set for a response."""

import pytest

from app.probing.verdict import (
    find_json,
    parse_json_path,
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
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_refuses_bad_status_ranges(items: list[str | int]) -> None:
    with pytest.raises(ValueError):
        parse_status_ranges(items)


@pytest.mark.parametrize(
    ("path", "found"),
    [("$", "all"), ("$.a", 1), ("$['a']", 1), ('$["b c"][0]', 2), ("$['b c'][-1].d", 3)],
)
def test_a_json_path_finds_its_value(path: str, found: object) -> None:
    document = {"a": 1, "b c": [2, {"d": 3}]}

    assert find_json(path, document) == (document if found == "all" else found)


@pytest.mark.parametrize("path", ["$.x", "$.a.b", "$.a[0]", "$['b c'].d", "$['b c'][9]", "$[0]"])
def test_a_json_path_may_lead_to_nothing(path: str) -> None:
    with pytest.raises(LookupError):
        find_json(path, {"a": "text", "b c": [1]})


@pytest.mark.parametrize(
    "path",
    ["", "a", ".a", "$.", "$.*", "$..a", "$[*]", "$[0:1]", "$[0,1]", "$[?@.a]", "$.a[", "$[01]",
     "$.a ", " $.a", "^.a", "$.a | $.b", "$[?match(@.a, '(a+)+$')]", "$" + ".a" * 300,
     "$[99999999999999999999]", "$[?@==1e400]", "$[?@.a == -1e999]"],
)  # fmt: skip  # one a line would be longer, not clearer
def test_a_json_path_must_lead_to_one_value(path: str) -> None:
    with pytest.raises(ValueError):
        parse_json_path(path)
