"""What a page calls itself."""

import html
import re

from app.fields import as_line
from app.probing.http import Response
from app.probing.verdict import DECLARED_WITHIN, charset_of

TITLE_LIMIT = 200
# Bytes between the tags: what is longer is no title.
_LONGEST = 4096
_TAG = re.compile(rb"<title[\s/>]", re.IGNORECASE)
_CLOSING = re.compile(rb"</title[\s/>]", re.IGNORECASE)


def title_of(response: Response) -> str | None:
    """Return a page's title as one line; None if the answer is no page or has none."""
    content_type = response.headers.get(b"content-type", b"")
    if b"html" not in content_type.lower():
        return None
    # Step by step: in a body that is made for it, one pattern for it all takes quadratic time.
    tag = _TAG.search(response.body)
    start = response.body.find(b">", tag.end() - 1) if tag else -1
    closing = _CLOSING.search(response.body, start, start + _LONGEST)
    if start < 0 or closing is None:
        return None
    charset = charset_of(content_type) or charset_of(response.body[:DECLARED_WITHIN])
    text = response.body[start + 1 : closing.start()]
    try:
        title = text.decode(charset or "utf-8", "replace")
    except LookupError:
        title = text.decode("utf-8", "replace")
    return as_line(html.unescape(title), TITLE_LIMIT)
