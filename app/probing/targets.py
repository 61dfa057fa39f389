"""The targets of checks, by kind of monitor."""

from dataclasses import dataclass, field
from typing import Protocol

from app.probing.http import Request
from app.probing.urls import Url

JsonScalar = str | int | float | bool | None


class Target(Protocol):
    """What is checked. Its class tells the prober how."""

    @property
    def host(self) -> str:
        """The host that is checked, or the name that is looked up."""


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL, and the conditions that its response must meet.

    `accepted` are the accepted statuses. `keyword` must be in the body, or must not be with
    `keyword_absent`. `json_path` is a singular query of RFC 9535; the value that it selects must
    equal `json_value`. With `certificate_days`, the check fails if the server's certificate
    expires in fewer days; that needs `verify_tls`. Raises ValueError for a header or a method
    that cannot be sent. A target is checked thousands of times, so its `request` is built once.
    """

    url: Url
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    accepted: tuple[range, ...] = (range(200, 300),)
    keyword: str | None = None
    keyword_absent: bool = False
    json_path: str | None = None
    json_value: JsonScalar = None
    follow_redirects: bool = True
    verify_tls: bool = True
    certificate_days: int | None = None
    request: Request = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the request."""
        request = Request(
            self.url,
            self.method,
            self.headers,
            self.body,
            self.follow_redirects,
            self.verify_tls,
            keep_body=self.keyword is not None or self.json_path is not None,
            certificate=self.verify_tls,
        )
        object.__setattr__(self, "request", request)

    @property
    def host(self) -> str:
        """Return the host of the URL."""
        return self.url.host


@dataclass(frozen=True, slots=True)
class TcpTarget:
    """A port that must accept connections."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class DnsTarget:
    """A name that must have a record of a type; with `expected`, that record must be among them."""

    hostname: str
    record_type: str
    expected: str | None = None

    @property
    def host(self) -> str:
        """Return the name."""
        return self.hostname
