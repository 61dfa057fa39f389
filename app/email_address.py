"""E-mail addresses, as far as they may go into a header and to a server."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

# What a browser's <input type=email> takes before the @ (HTML Living Standard), without what would
# need quotes or SMTPUTF8. No blank, control, comma, angle bracket or colon: an address is never
# anything else in a header than one address.
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LONGEST_LOCAL = 64


def email_address(text: str) -> str:
    """Return an address as servers take it: with the domain in small letters and in ASCII.

    Raises ValueError.
    """
    # Its tables take memory, which a process that has no address to read can do without.
    import idna

    local, _, domain = text.rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL:
        raise ValueError("it must be an e-mail address")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("what follows the @ must be a domain") from None
    if "." not in ascii_domain.rstrip(".") or ascii_domain.endswith("."):
        raise ValueError("what follows the @ must be a domain")
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
