"""Strict parsing of URLs, host names and ports: whatever it accepts can be looked up and sent."""

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin

import idna

URL_LIMIT = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

_INVISIBLE = (
    "\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff"
)
_FORBIDDEN = re.compile(f"[{_INVISIBLE}\\\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SIMPLE_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*"
    r"[a-z](?:[a-z0-9_-]{0,61}[a-z0-9_])?",
    re.ASCII,
)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)
AUTHORITY_END = re.compile(r"[/?#]")
_PLAIN_TARGET = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*", re.ASCII)


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
    text: str

    @property
    def authority(self) -> str:
        """Return the value for a Host header: the host, and the port unless it is the default."""
        return _authority(self.scheme, self.host, self.port)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return what must stay the same for credentials to be sent along."""
        return (self.scheme, self.host, self.port)


@lru_cache(maxsize=4096)
def parse_url(text: str) -> Url:
    """Return the parts of an absolute http(s) URL; raise ValueError with a plain sentence."""
    _check_characters(text, "the URL")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        raise ValueError("the URL must begin with http:// or https://")
    end = AUTHORITY_END.search(rest)
    authority, target = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    if "@" in authority:
        raise ValueError("the URL must not contain a user name or password")
    host, port = split_authority(authority, DEFAULT_PORTS[scheme])
    target = _target(target)
    normal = f"{scheme}://{_authority(scheme, host, port)}{target}"
    return Url(scheme, host, port, target, normal)


def join(base: Url, location: str) -> Url:
    """Resolve a redirect from `base` to `location`; raise ValueError as `parse_url` does.

    Spaces are encoded, as by every browser: many servers redirect to the name of a file as it is.
    """
    location = location.replace(" ", "%20")
    # Checked before joining, which would silently drop line breaks and tabs.
    _check_characters(location, "the address")
    return parse_url(urljoin(base.text, location))


def parse_hostname(text: str) -> str:
    """Return the host in normal form: an IP address, or a lower-case name in A-labels.

    Raises ValueError with a plain sentence for a name that cannot be looked up.
    """
    if _SIMPLE_HOST.fullmatch(text) and "xn--" not in text and not _is_number(text):
        return text
    if not text:
        raise ValueError("the host is missing")
    if _FORBIDDEN.search(text):
        raise ValueError("the host contains a space, a control character or a backslash")
    if ":" in text or text[0] == "[":
        return _parse_ipv6(text)
    name = text.lower() if text.isascii() else _to_ascii(text)
    _check_labels(name)
    if _is_number(name):
        return _parse_ipv4(name)
    return name


def parse_port(value: int | str) -> int:
    """Return a port between 1 and 65535; raise ValueError with a plain sentence."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 5):
            raise ValueError(f"{value[:20]!r} is not a port number")
        value = int(value)
    if not 1 <= value <= 65535:
        raise ValueError("the port must be between 1 and 65535")
    return value


@lru_cache(maxsize=4096)
def numeric_address(host: str) -> str | None:
    """Return the address that `host` spells, in any form that a resolver would take, or None.

    Raises ValueError if it must be an address but is not a valid one. The odd forms (2130706433,
    0x7f.1, 127.1) are resolved here, so that nothing later interprets them differently.
    """
    if ":" in host or host[:1] == "[":
        return _parse_ipv6(host)
    return _parse_ipv4(host) if _is_number(host) else None


def _authority(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def _check_characters(text: str, what: str) -> None:
    if len(text) > URL_LIMIT:
        raise ValueError(f"{what} is longer than {URL_LIMIT} characters")
    if _FORBIDDEN.search(text):
        raise ValueError(f"{what} contains a space, a control character or a backslash")


def split_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Return host and port of "host", "host:port" or "[address]:port"; ValueError as above."""
    if authority[:1] == "[":
        host, bracket, rest = authority.partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise ValueError("the IPv6 address is not closed by a bracket")
        host, port = host + "]", rest[1:]
    else:
        host, _, port = authority.partition(":")
        if ":" in port:
            raise ValueError("an IPv6 address in a URL must be in brackets")
    return parse_hostname(host), parse_port(port) if port else default_port


def _target(text: str) -> str:
    target = text.partition("#")[0]
    if target[:1] != "/":
        target = "/" + target
    if not _PLAIN_TARGET.fullmatch(target):
        target = quote(target, safe="-._~:/?[]@!$&'()*+,;=%|{}^")
    return target


def _to_ascii(name: str) -> str:
    """Return the name in A-labels, by IDNA 2008 with the mapping of UTS 46, as browsers do."""
    # Parsing takes quadratic time, so the length is checked first.
    if len(name) > 253:
        raise ValueError("the host name is longer than 253 characters")
    try:
        mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
        # ASCII labels are kept as they are: IDNA has no underscores, but service names do.
        return ".".join(
            [
                label if label.isascii() else idna.alabel(label).decode("ascii")
                for label in mapped.split(".")
            ]
        )
    except UnicodeError:
        raise ValueError("the host name is not a valid internationalised name") from None


def _check_labels(name: str) -> None:
    relative = name.removesuffix(".")
    if not relative:
        raise ValueError("the host is missing")
    if len(relative) > 253:
        raise ValueError("the host name is longer than 253 characters")
    for label in relative.split("."):
        if not label:
            raise ValueError("the host name has an empty label")
        if len(label) > 63:
            raise ValueError("a label of the host name is longer than 63 characters")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} cannot be part of a host name")
        if label.startswith("xn--"):
            _check_punycode(label)


def _check_punycode(label: str) -> None:
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError, IndexError):
        decoded = ""
    if not decoded or decoded.isascii():
        raise ValueError(f"{label!r} is not a valid internationalised label")


def _is_number(host: str) -> bool:
    """Return whether the last label is a number, which makes the host an IPv4 address."""
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def _parse_ipv4(text: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(text.removesuffix(".")))
    except OSError:
        raise ValueError(f"{text!r} is not a valid IPv4 address") from None


def _parse_ipv6(text: str) -> str:
    inner = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    if "%" in inner:
        raise ValueError("an IPv6 address with a zone cannot be checked")
    try:
        # Not `compressed`, whose form of embedded IPv4 addresses depends on the Python release.
        return socket.inet_ntop(socket.AF_INET6, IPv6Address(inner).packed)
    except ValueError:
        raise ValueError(f"{text!r} is not a valid IPv6 address") from None
