"""Keys as random tokens, of which only the digest is stored.

Plain SHA-256 is enough. Slow hashes are for passwords, which people choose and attackers guess by
the billion; the 256 random bits of a token can't be guessed, however fast the hash is. A slow hash
would only make every request slow, and fifty requests at a time an attack.
"""

import hashlib
import re
import secrets

# Lets people recognize a key, and lets repository scanners find one that was committed.
MARK = "sw_"
# How many characters of a key are shown, to tell it from others: 48 of its 256 bits.
PREFIX_CHARACTERS = len(MARK) + 8

_FORM = re.compile(r"sw_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> str:
    """Return a new key: 32 random bytes as text."""
    return MARK + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Return whether a text has the form of a key; other texts need no database query."""
    return _FORM.fullmatch(text) is not None


def digest(token: str) -> bytes:
    """Return the digest under which a key is stored and looked up."""
    return hashlib.sha256(token.encode()).digest()
