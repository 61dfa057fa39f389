"""Cookies that servers set when they redirect, kept until the end of the check."""

import re

from app.probing.urls import Url

# A longer header is not sent, because servers refuse it.
_LIMIT = 8192
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_OVER = re.compile(r"max-age\s*=\s*(?:0+|-\d+)", re.ASCII)


class Cookies:
    """The cookies that a browser would send (RFC 6265, section 5), except that paths are ignored.

    Many sites redirect to the same URL until it is requested with a cookie that they have set.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], tuple[bool, bool, bytes]] = {}

    def keep(self, url: Url, set_cookies: list[bytes]) -> None:
        """Take the values of Set-Cookie in a response from `url`."""
        for value in set_cookies:
            pair, _, rest = value.partition(b";")
            pair = pair.strip(b" \t")
            attributes = [part.strip() for part in rest.decode("latin-1").lower().split(";")]
            named = [part[7:].strip().lstrip(".") for part in attributes if part[:7] == "domain="]
            domain = named[-1] if named else ""
            if domain and url.host != domain and not url.host.endswith("." + domain):
                continue
            name = (domain or url.host, pair.partition(b"=")[0])
            if not pair or _CONTROL.search(pair) or any(map(_OVER.fullmatch, attributes)):
                self._kept.pop(name, None)
            else:
                self._kept[name] = (bool(domain), "secure" in attributes, pair)

    def line(self, url: Url) -> bytes:
        """Return the header for a request to `url`, with its line break; empty for none."""
        sent = [
            pair
            for (domain, _), (below, secure, pair) in self._kept.items()
            if (url.host == domain or (below and url.host.endswith("." + domain)))
            and (url.scheme == "https" or not secure)
        ]
        line = b"Cookie: " + b"; ".join(sent) + b"\r\n"
        return line if sent and len(line) <= _LIMIT else b""
