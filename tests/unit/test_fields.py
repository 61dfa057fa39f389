"""Text that can be stored and shown."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.fields import Line, Number, Text


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u200d", "a\x00", "a\nb", "a\x7f", "a\x85b", "a\u202eb", "a\u2066b", "\u200bb",
     "\ufeffa",
     "a\u2028b", "a\ud800", "a\U000e0041", "a\u00adb", "\t"],
)  # fmt: skip  # one a line would be longer, not clearer
def test_a_line_has_something_to_see_and_nothing_invisible(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python(text)


@pytest.mark.parametrize("text", ["Shop", "Ünï 漢字 🙂", "👩\u200d💻", "नमस्\u200dते", "a b"])
def test_a_line_may_be_of_any_language(text: str) -> None:
    assert TypeAdapter(Line).validate_python(text) == text


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\udfffb"])
def test_text_can_be_stored(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(text)


def test_text_may_have_lines() -> None:
    assert TypeAdapter(Text).validate_python("a\r\n\tb") == "a\r\n\tb"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_a_number_is_finite(number: float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Number).validate_python(number, strict=True)
