"""A badge for a README: a monitor's state or uptime as a small picture.

It loads nothing and runs nothing, so it is displayed even where a content security policy allows
neither styles nor fonts.
"""

import math
import unicodedata

from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.uptime import Window
from app.monitors.service import find
from app.status.history import history
from app.status.markup import xml

# White text on each of these has a contrast of at least 4.5, as WCAG 2 requires for small text.
LABEL = "#3d444d"
GREEN = "#1a7f37"
RED = "#b3261e"
AMBER = "#8a5a00"
BLUE = "#0b5cad"
GREY = "#57606a"

_COLORS = {"up": GREEN, "down": RED, "maintenance": BLUE}
# Characters of a label or a value; the rest is cut off.
_MAX_CHARACTERS = 60
_MARGIN = 6

# Widths in pixels of Verdana at 11 pixels; all other characters count as a small letter.
_NARROW = dict.fromkeys("fijlrtI.,:;|!'()[] ", 4.5)
_WIDE = dict.fromkeys("mwMW@%—…", 11.0)


def badge(label: str, value: str, color: str) -> str:
    """Return the SVG. `label` and `value` are any text, `color` is one of the above."""
    label, value = _shortened(label), _shortened(value)
    left, right = _width(label) + 2 * _MARGIN, _width(value) + 2 * _MARGIN
    title = xml(f"{label}: {value}")
    # With textLength, the text fits with any font.
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" \
aria-label="{title}">
<title>{title}</title>
<clipPath id="round"><rect width="{left + right}" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="{left}" height="20" fill="{LABEL}"/>
<rect x="{left}" width="{right}" height="20" fill="{color}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="{_MARGIN}" y="14" textLength="{left - 2 * _MARGIN}">{xml(label)}</text>
<text x="{left + _MARGIN}" y="14" textLength="{right - 2 * _MARGIN}">{xml(value)}</text>
</g>
</svg>
"""


async def state_badge(session: AsyncSession, monitor_id: int, *, label: str | None) -> str:
    """Return a badge of the current state. Raises MonitorNotFoundError."""
    monitor, state = await find(session, monitor_id)
    return badge(label or monitor.name, state.state, _COLORS.get(state.state, GREY))


async def uptime_badge(
    session: AsyncSession, monitor_id: int, *, label: str | None, window: Window
) -> str:
    """Return a badge of the uptime in a window. Raises MonitorNotFoundError."""
    monitor, _ = await find(session, monitor_id)
    [found] = (await history(session, [monitor_id])).items
    ratio = found.uptime[window]
    label = label or f"{monitor.name} {window}"
    return badge(label, percentage(ratio), _color(ratio))


def percentage(ratio: float | None) -> str:
    """Return a share in percent, truncated, not rounded: 100 % means that it was never down."""
    if ratio is None:
        return "no data"
    # Rounded first to the precision of the share itself, so that 0.29 gives 29 %, not less.
    hundredths = math.floor(round(ratio * 10_000, 6))
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _color(ratio: float | None) -> str:
    if ratio is None:
        return GREY
    if ratio >= 0.99:
        return GREEN
    return AMBER if ratio >= 0.95 else RED


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"


def _width(text: str) -> int:
    return max(math.ceil(sum(_character_width(character) for character in text)), 1)


def _character_width(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 12
    if character.isupper():
        return _NARROW.get(character) or _WIDE.get(character, 8)
    return _NARROW.get(character) or _WIDE.get(character, 7)


# For a monitor that does not exist.
NOT_FOUND = badge("monitor", "not found", GREY)
