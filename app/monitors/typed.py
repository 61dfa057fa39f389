"""What a person types to say what is to be watched: a name, a URL, host:port, an address."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.probing.targets import DnsTarget, TcpTarget
from app.probing.urls import AUTHORITY_END, Url, parse_hostname, parse_url, split_authority

# Where web servers are found as well. Other ports are not sent HTTP, which a database, say, would
# log as an attack.
WEB_PORTS = frozenset({3000, 5000, 8000, 8008, 8080, 8081, 8443, 8888, 9000, 9090, 9443})
# People paste the addresses that their programs use.
PORTS: Mapping[str, int | None] = {
    "tcp": None,
    "amqp": 5672,
    "amqps": 5671,
    "ftp": 21,
    "imap": 143,
    "imaps": 993,
    "ldap": 389,
    "ldaps": 636,
    "mongodb": 27017,
    "mqtt": 1883,
    "mysql": 3306,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "sftp": 22,
    "smtp": 25,
    "smtps": 465,
    "ssh": 22,
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What may have been meant: URLs, to be tried in this order, and another target after them."""

    urls: tuple[Url, ...] = ()
    target: TcpTarget | DnsTarget | None = None


def read_typed(text: str) -> Typed:
    """Return what may have been meant; raise ValueError with a plain sentence if nothing can be."""
    text = text.strip()
    if not text:
        raise ValueError("it must not be blank")
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _without_scheme(text.removeprefix("//"))
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        return Typed(urls=(parse_url(text),))
    # Paths, as of databases, and credentials are not what makes a port.
    authority = _split(rest)[0].rpartition("@")[2]
    if scheme == "dns":
        return Typed(target=DnsTarget(parse_hostname(authority), "A"))
    if scheme not in PORTS:
        raise ValueError(f"{scheme[:20]!r} is not supported: use http, https, tcp or dns")
    host, port = split_authority(authority, PORTS[scheme] or 0)
    if not port:
        raise ValueError("the port is missing")
    return Typed(target=TcpTarget(host, port))


def _without_scheme(text: str) -> Typed:
    authority, path = _split(text)
    if "@" in authority:
        raise ValueError("it must not contain a user name or password")
    if authority.count(":") > 1 and not authority.startswith("["):
        authority = f"[{authority}]"
    host, port = split_authority(authority, 0)
    # A bare number would be read as an address: 5 as 0.0.0.5. Nobody means that.
    if authority.partition(":")[0].isdigit():
        raise ValueError("it must be a host, an address or a URL")
    if port and port not in (80, 443) and port not in WEB_PORTS and not path.strip("/"):
        return Typed(target=TcpTarget(host, port))
    schemes = {80: ("http",), 443: ("https",)}.get(port, ("https", "http"))
    urls = tuple(parse_url(f"{scheme}://{authority}{path}") for scheme in schemes)
    return Typed(urls, TcpTarget(host, port) if port else None)


def _split(text: str) -> tuple[str, str]:
    end = AUTHORITY_END.search(text)
    return (text[: end.start()], text[end.start() :]) if end else (text, "")
