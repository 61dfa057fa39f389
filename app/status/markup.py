"""Text for XML, which allows fewer characters than Unicode."""

import re
from html import escape

# XML 1.0, 2.2: these must not occur in a document, not even as a reference like &#1;.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(text: str) -> str:
    """Return text escaped for an element, or for an attribute with either kind of quotes."""
    return escape(_FORBIDDEN.sub("", text))
