"""The targets of checks, by kind of monitor."""

from dataclasses import dataclass

from app.probing.headers import check_header, check_method
from app.probing.urls import Url

JsonScalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL, and the conditions that its response must meet.

    `accepted` are the accepted statuses. `keyword` must be in the body, or must not be with
    `keyword_absent`. `json_path` is a singular query of RFC 9535; the value that it selects must
    equal `json_value`. With `certificate_days`, the check fails if the server's certificate
    expires in fewer days; that needs `verify_tls`. Raises ValueError for a header or a method
    that cannot be sent.
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

    def __post_init__(self) -> None:
        """Reject whatever would break the request's syntax, wherever it comes from."""
        check_method(self.method)
        for name, value in self.headers:
            check_header(name, value)
