"""What a key is: a random token, of which only the digest is stored.

Plain SHA-256 is enough. Slow hashes are for passwords, which people choose and others guess by the
billion; a token has 256 random bits, and there is no guessing those, however fast the hash. A
slow one would only make every request slow, and fifty at a time an attack.
"""

import hashlib
import re
import secrets

# So that a person knows what it is, and a scanner of repositories finds one that was committed.
MARK = "sw_"
# Characters that are shown of a key, to tell it from others: 48 of its 256 bits.
PREFIX_CHARACTERS = len(MARK) + 8

_FORM = re.compile(r"sw_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> str:
    """Return a new key: 32 random bytes, readable."""
    return MARK + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Return whether a text has the form of a key: the database need not be asked for others."""
    return _FORM.fullmatch(text) is not None


def digest(token: str) -> bytes:
    """Return what is stored of a key, and looked for."""
    return hashlib.sha256(token.encode()).digest()
