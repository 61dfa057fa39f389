"""Text inside XML, which has fewer characters than Unicode."""

import re
from html import escape

# XML 1.0, 2.2: not even as a reference like &#1; may these stand in a document.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(text: str) -> str:
    """Return text as it stands in an element or in an attribute with quotes of either kind."""
    return escape(_FORBIDDEN.sub("", text))
