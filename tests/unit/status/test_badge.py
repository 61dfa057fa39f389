"""A badge is readable for everybody, and its text can't inject markup."""

from xml.etree import ElementTree as ET

import pytest

from app.status.badge import AMBER, BLUE, GREEN, GREY, LABEL, NOT_FOUND, RED, badge, percentage

SVG = "{http://www.w3.org/2000/svg}"


def luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG 2 defines it."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("color", [LABEL, GREEN, RED, AMBER, BLUE, GREY])
def test_white_text_stands_out(color: str) -> None:
    assert 1.05 / (luminance(color) + 0.05) >= 4.5


@pytest.mark.parametrize(
    "text", ["</text><script>alert(1)</script>", "\"'&<>", "a\x00\x08\x1b\ufffe\uffffb", "語😀é"]
)
def test_text_is_shown_as_text(text: str) -> None:
    root = ET.fromstring(badge(text, "up", GREEN))  # noqa: S314  (made here)

    shown = "".join(character for character in text if character not in "\x00\x08\x1b\ufffe\uffff")
    assert [element.text for element in root.iter(f"{SVG}text")] == [shown, "up"]
    assert root.findtext(f"{SVG}title") == root.get("aria-label") == f"{shown}: up"
    assert root.get("role") == "img"
    assert not list(root.iter(f"{SVG}script"))
    assert "style" not in badge(text, "up", GREEN)


def test_it_is_as_wide_as_its_text() -> None:
    widths = [
        int(ET.fromstring(badge(text, "up", GREEN)).get("width", ""))  # noqa: S314  (made here)
        for text in ("", "ill", "mmm", "語語語語", "long" * 14, "long" * 1000)
    ]

    assert widths == sorted(widths)
    assert widths[-1] < 600


def test_the_not_found_badge_is_a_picture_too() -> None:
    assert ET.fromstring(NOT_FOUND).findtext(f"{SVG}title") == "monitor: not found"  # noqa: S314  (our own)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, "no data"),
        (1.0, "100 %"),
        (0.9999999, "99.99 %"),
        (0.99995, "99.99 %"),
        (0.29, "29 %"),
        (0.5, "50 %"),
        (0.9990, "99.9 %"),
        (0.0, "0 %"),
    ],
)
def test_a_hundred_percent_is_only_what_was_never_down(ratio: float | None, text: str) -> None:
    assert percentage(ratio) == text
