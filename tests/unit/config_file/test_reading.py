"""Reading YAML: plain values with their lines, and nothing harmful."""

from typing import Any

import pytest

from app.config_file import reading
from app.config_file.faults import BadFileError
from app.config_file.reading import MAX_DEPTH, Map, read_yaml


def faults(text: str) -> list[tuple[int, str, str]]:
    """Return all errors reported for a text."""
    try:
        return [tuple(fault) for fault in read_yaml(text)[1]]  # type: ignore[misc]  # has three
    except BadFileError as error:
        return [tuple(fault) for fault in error.faults]  # type: ignore[misc]  # has three


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("", None),
        ("Null", None),
        ("TRUE", True),
        ("false", False),
        ("17", 17),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        # YAML 1.1 reads these as something else.
        ("no", "no"),
        ("On", "On"),
        ("y", "y"),
        ("12:30:45", "12:30:45"),
        ("2026-11-25", "2026-11-25"),
        ("2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("-", "-"),
        ("+", "+"),
        ("1.2.3.4", "1.2.3.4"),
        ("9" * 50, int("9" * 50)),
        ("9" * 5000, "9" * 5000),
        ("=", "="),
    ],
)
def test_plain_scalars_are_read_by_the_yaml_core_schema(text: str, value: Any) -> None:
    read = reading.plain(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["'17'", '"17"', "|-\n  17", ">-\n  17", "! 17"])
def test_a_quoted_value_is_a_string(text: str) -> None:
    assert read_yaml(text) == ("17", [])


def test_keys_are_texts_as_they_are_written() -> None:
    value, _ = read_yaml("404: a\nnull: b\non: c\n1.50: d\n")

    assert value == {"404": "a", "null": "b", "on": "c", "1.50": "d"}


def test_every_value_knows_its_line() -> None:
    value, _ = read_yaml("a: 1\n\nb:\n  - x\n  # a comment\n  - y\nc: {d: 2,\n  e: 3}\n")

    assert value.lines == {"a": 1, "b": 3, "c": 7}
    assert value["b"].lines == [4, 6]
    assert value["c"].lines == {"d": 7, "e": 8}


def test_aliases_and_merged_mappings_are_written_out() -> None:
    text = """
x-defaults: &defaults {interval_seconds: 30, tags: &tags [eu]}
one: {<<: *defaults, interval_seconds: 5}
two: {interval_seconds: 6, <<: [*defaults, {group: Shops}]}
tags: *tags
"""
    value, said = read_yaml(text)

    assert said == []
    assert value["one"] == {"interval_seconds": 5, "tags": ["eu"]}
    assert value["two"] == {"interval_seconds": 6, "tags": ["eu"], "group": "Shops"}
    assert value["tags"] == ["eu"]
    assert value["one"].lines["tags"] == 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: [1,\nb: 2\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 'x\n", 2, "not YAML"),
        ("a: \x07", 1, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: *b\n", 1, "*b"),
        ("a: 1\nb: &b [1, *b]\n", 2, "*b"),
        ("? [a, b]\n: 1\n", 1, "key must be a string"),
        ("? {a: b}\n: 1\n", 1, "key must be a string"),
        ("a: &a [1]\n? *a\n: 1\n", 2, "key must be a string"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "tags are not supported"),
        ("a: !!binary aGk=\n", 1, "tags are not supported"),
        ("a: !!timestamp 2026-11-25\n", 1, "tags are not supported"),
        ("a: {<<: 1}\n", 1, "<< only merges mappings"),
        ("[" * (MAX_DEPTH + 1), 1, "nested more than"),
        ("- " * 100_000, 1, "nested more than"),
    ],
)
def test_invalid_yaml_is_reported_with_its_line(text: str, line: int, said: str) -> None:
    [fault, *_] = faults(text)

    assert fault[0] == line
    assert said in fault[2]


def test_a_duplicate_key_is_reported_with_both_lines() -> None:
    [fault] = faults("a:\n  - b: 1\n    c: 2\n    b: 3\n")

    assert fault == (4, "a.0.b", "this key is already in line 2")


def test_a_billion_laughs_attack_is_refused_before_expansion() -> None:
    text = "a: &a [" + "x, " * 100 + "]\n"
    for one, other in zip("bcdefgh", "abcdefg", strict=True):
        text += f"{one}: &{one} [" + f"*{other}, " * 100 + "]\n"

    [fault] = faults(text)

    assert "more than" in fault[2]


def test_merge_keys_with_too_many_values_are_refused_before_merging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MAX_VALUES", 1000)
    text = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(100)) + "}\nb:\n" + "- <<: *a\n" * 100

    [fault] = faults(text)

    assert "more than 1000 values" in fault[2]


def test_a_mapping_is_a_mapping_for_pydantic_too() -> None:
    value, _ = read_yaml("a: 1")

    assert isinstance(value, Map) and isinstance(value, dict)
