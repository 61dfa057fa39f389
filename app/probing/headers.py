"""Request headers: which may be sent, which may go to another origin, and which are secret."""

import re
from collections.abc import Mapping

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NAME_LIMIT = 100
VALUE_LIMIT = 8192
# Replaces a secret value wherever it would be shown.
MASK = "***"

# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
# RFC 9110, section 5.5, and no lone surrogates, which could not be sent.
_BAD_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# These describe the connection or the body's length, which the client decides itself.
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Headers that describe the body; a redirect that drops the body drops them too.
OF_THE_BODY = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)
# The only headers kept on a redirect to another origin. RFC 9110, section 15.4, names some that
# must go (Authorization, Cookie, Host), but credentials have many more names: PRIVATE-TOKEN,
# X-Api-Key. So this is an allow-list: negotiation, caching, and headers that describe the body.
SAFE_ACROSS_ORIGINS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "dnt",
        "pragma",
        "range",
        "save-data",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
# The only headers whose values are shown. Host says no more than the URL: where a request goes.
_SHOWN = SAFE_ACROSS_ORIGINS | {"content-location", "host"}


def check_method(method: str) -> None:
    """Raise ValueError if a check may not use the method."""
    if method not in METHODS:
        raise ValueError(f"the method must be one of {', '.join(sorted(METHODS))}")


def check_header(name: str, value: str) -> None:
    """Raise ValueError with a plain sentence if the header cannot or must not be sent."""
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is not a header name")
    if len(name) > NAME_LIMIT:
        raise ValueError(f"the header name is longer than {NAME_LIMIT} characters")
    if name.lower() in _FRAMING:
        raise ValueError(f"the header {name} is set by the check itself")
    if _BAD_VALUE.search(value):
        raise ValueError(f"the header {name} contains a line break or another control character")
    if len(value) > VALUE_LIMIT:
        raise ValueError(f"the header {name} is longer than {VALUE_LIMIT} characters")
    if name.lower() == "host" and (not value.strip() or re.search(r"[\s,/?#@\\]", value.strip())):
        raise ValueError("the header Host is not a host")


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers for display, with values that may be secret replaced by "***"."""
    return {name: value if name.lower() in _SHOWN else MASK for name, value in headers.items()}


def is_masked(headers: Mapping[str, str]) -> bool:
    """Return whether any value is the mask, which stands for a stored value."""
    return MASK in headers.values()


def keep_masked(new: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Return `new` with masked values replaced by those stored under the same name.

    Names are compared ignoring case. Raises ValueError if no value is stored for a name.
    """
    known = {name.lower(): value for name, value in stored.items()}
    kept = {}
    for name, value in new.items():
        if value != MASK:
            kept[name] = value
        elif name.lower() in known:
            kept[name] = known[name.lower()]
        else:
            raise ValueError(f"no value is stored for {name}; send one")
    return kept
