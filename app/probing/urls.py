"""Strict parsing of URLs and host names: whatever it accepts can be looked up and sent."""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import idna

URL_LIMIT = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

# Spaces, control and invisible characters, and the backslash, which some programs read as a slash:
# people and programs must all see the same host in a URL.
_FORBIDDEN = re.compile(
    "[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff\\\\]"
)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL in parts; created by `parse_url` or `join`.

    `host` is a lower-case A-label name, or an IP address without brackets; `target` is path and
    query as sent; `text` is the whole URL in normal form, without a fragment.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Return the value for a Host header: the host, and the port unless it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: str) -> Url:
    """Return the parts of an absolute http(s) URL; raise ValueError with a plain sentence."""
    _check_characters(text, "the URL")
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("the URL must begin with http:// or https://")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("the host of the URL cannot be read") from None
    if "@" in parts.netloc:
        raise ValueError("the URL must not contain a user name or password")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise ValueError("the host and port of the URL cannot be read")
    port = int(authority[2] or DEFAULT_PORTS[parts.scheme])
    if not 1 <= port <= 65535:
        raise ValueError("the port must be between 1 and 65535")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Percent-encoded characters stay as they are.
    target = quote(target, safe="-._~:/?[]@!$&'()*+,;=%|{}^")
    return Url(parts.scheme, parse_hostname(authority[1]), port, target)


def join(base: Url, location: str) -> Url:
    """Resolve a redirect from `base` to `location`; raise ValueError as `parse_url` does.

    Spaces are encoded, as by every browser: many servers redirect to the name of a file as it is.
    """
    location = location.replace(" ", "%20")
    # Checked before joining, which would silently drop line breaks and tabs.
    _check_characters(location, "the address")
    try:
        return parse_url(urljoin(base.text, location))
    except ValueError as error:
        raise ValueError(str(error)) from None


def parse_hostname(text: str) -> str:
    """Return the host in normal form: an IP address, or a lower-case name in A-labels.

    The odd forms of IPv4 (2130706433, 0x7f.1, 127.1) are resolved here, so that the guard sees the
    address that the system would connect to.
    Raises ValueError with a plain sentence for a name that cannot be looked up.
    """
    if not text:
        raise ValueError("the host is missing")
    if _FORBIDDEN.search(text):
        raise ValueError("the host contains a space, a control character or a backslash")
    if ":" in text or text.startswith("["):
        return _parse_ipv6(text.removeprefix("[").removesuffix("]"))
    # Parsing takes quadratic time, so the length is checked first.
    if len(text) > 254:
        raise ValueError("the host name is longer than 253 characters")
    name = text.lower()
    if not text.isascii():
        try:
            name = idna.encode(text, uts46=True).decode("ascii")
        except UnicodeError:
            raise ValueError("the host name is not a valid internationalised name") from None
    relative = name.removesuffix(".")
    if not relative:
        raise ValueError("the host is missing")
    _check_labels(relative)
    if _NUMBER.fullmatch(relative.rpartition(".")[2]):
        return _parse_ipv4(relative)
    return name


def _check_labels(name: str) -> None:
    if len(name) > 253:
        raise ValueError("the host name is longer than 253 characters")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label[:64]!r} cannot be part of a host name")


def _check_characters(text: str, what: str) -> None:
    if len(text) > URL_LIMIT:
        raise ValueError(f"{what} is longer than {URL_LIMIT} characters")
    if _FORBIDDEN.search(text):
        raise ValueError(f"{what} contains a space, a control character or a backslash")


def _parse_ipv4(text: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        raise ValueError(f"{text!r} is not a valid IPv4 address") from None


def _parse_ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError("an IPv6 address with a zone cannot be checked")
    try:
        # Not `compressed`, whose form of embedded IPv4 addresses depends on the Python release.
        return socket.inet_ntop(socket.AF_INET6, IPv6Address(text).packed)
    except ValueError:
        raise ValueError(f"{text!r} is not a valid IPv6 address") from None
