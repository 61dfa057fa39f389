"""Writing YAML: any text is read back unchanged by every parser."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config_file.reading import read_yaml
from app.config_file.writing import write_yaml

# All that a field may hold: see app.fields.Text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS.filter(lambda key: key != "<<"), inner),
    max_leaves=10,
)


@settings(database=None, derandomize=True, deadline=None, max_examples=300)
@given(VALUES)
def test_written_values_are_read_back_unchanged(value: Any) -> None:
    assert read_yaml(write_yaml({"value": value})) == ({"value": value}, [])


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "On",
        "null",
        "~",
        "",
        "12:30",
        "2026-11-25",
        "007",
        "1e3",
        "0o17",
        "0x1f",
        "1_000",
        ".5",
        "=",
        "<<",
        "- a",
        "a: b",
        "# a",
        " a ",
        "a\n",
        "\n a\n\n",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "Ünï→😀",
        "\u2028",
        "\x85",
        "\ufeff",
        "\t",
        "\x1b[31m",
    ],
)
def test_a_text_is_a_text_for_every_reader(text: str) -> None:
    written = write_yaml([text])

    assert read_yaml(written) == ([text], [])
    assert yaml.safe_load(written) == [text]
    # YAML 1.2 reads what is plain and looks like JSON as JSON does.
    plain = written.removeprefix("- ").strip()
    if plain[:1] not in ("'", '"', "|"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(plain)


def test_mappings_keep_their_order_and_lines_of_text_stay_lines() -> None:
    assert write_yaml({"b": "one\ntwo\n", "a": ["x"]}) == "b: |\n  one\n  two\na:\n- x\n"


def test_a_value_that_is_used_twice_is_written_twice() -> None:
    tags = ["eu"]

    assert write_yaml([tags, tags]) == "- - eu\n- - eu\n"
