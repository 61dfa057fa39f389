"""E-mail addresses that are safe to put into a header and to pass to a server."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

# What a browser's <input type=email> accepts before the @ (HTML Living Standard), without anything
# that would need quotes or SMTPUTF8. No blank, control, comma, angle bracket or colon, so in a
# header an address is always exactly one address.
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LONGEST_LOCAL = 64


def email_address(text: str) -> str:
    """Return an address in the form servers accept: with the domain in lower case and ASCII.

    Raises ValueError.
    """
    # Imported here because its tables take memory, which most processes do not need.
    import idna

    local, _, domain = text.rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL:
        raise ValueError("it must be an e-mail address")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("the part after the @ must be a domain") from None
    if "." not in ascii_domain.rstrip(".") or ascii_domain.endswith("."):
        raise ValueError("the part after the @ must be a domain")
    return f"{local}@{ascii_domain}"


def mailbox(address: str) -> str:
    """Return where mail to an address most likely ends up: ann+x@example.com is Ann's too."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


EmailAddress = Annotated[
    str,
    Field(max_length=254, examples=["ann@example.com"]),
    AfterValidator(email_address),
]
