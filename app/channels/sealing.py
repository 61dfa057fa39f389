"""Encrypts the signing secrets of webhooks, so that a dump of the database does not reveal them.

The key is not in the database: it is the setting WEBHOOK_KEY, a file. A sealed secret is `sealed:`
and base64 of NaCl's secret box: a random nonce, and the secret encrypted with XSalsa20 and
authenticated with Poly1305, so that a value that was tampered with is rejected.
https://nacl.cr.yp.to/secretbox.html
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nacl.secret import SecretBox

SEALED = "sealed:"


class CannotOpen(Exception):
    """The key that sealed a secret is not configured; the message says what to do."""


class Opened(NamedTuple):
    """A secret in plain text, and the number of the key that sealed it; None: it was not sealed."""

    secret: str
    key: int | None


class Sealer:
    """Seals with the first of its keys, and opens with all of them.

    Without keys, secrets are stored as plain text, so that development needs no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)

    def seal(self, secret: str) -> str:
        """Return what to store for a secret."""
        if not self.keys:
            return secret
        return SEALED + urlsafe_b64encode(self._boxes[0].encrypt(secret.encode())).decode()

    def open(self, stored: str) -> str:
        """Return the secret that was stored. Raises CannotOpen."""
        return self.look(stored).secret

    def look(self, stored: str) -> Opened:
        """Return the secret that was stored, and which key sealed it. Raises CannotOpen.

        Plain text was stored without a key, or by a release that did not seal secrets.
        """
        if not stored.startswith(SEALED):
            return Opened(stored, None)
        from nacl.exceptions import CryptoError

        token = _decoded(stored.removeprefix(SEALED))
        for number, box in enumerate(self._boxes):
            try:
                return Opened(box.decrypt(token).decode(), number)
            except CryptoError:
                # Sealed by another key, maybe the next one.
                continue
        raise CannotOpen(
            "the webhook's secret can't be opened: the key that sealed it is not in WEBHOOK_KEY; "
            "put that key back, or give the channel a new secret (docs/secrets.md)"
        )

    def holds(self, stored: str | None, secret: str) -> bool:
        """Return whether the stored value is this secret; False if it can't be opened.

        A secret is sealed differently every time, so stored values can't be compared.
        """
        if stored is None:
            return False
        try:
            opened = self.open(stored)
        except CannotOpen:
            return False
        return hmac.compare_digest(opened.encode(), secret.encode())

    @cached_property
    def _boxes(self) -> "list[SecretBox]":
        # Imported on first use: most processes never seal or open anything.
        from nacl.secret import SecretBox

        return [SecretBox(urlsafe_b64decode(key)) for key in self.keys]


def _decoded(token: str) -> bytes:
    """Return the bytes of a token; nothing if it is not base64, which no key opens."""
    try:
        return urlsafe_b64decode(token)
    except ValueError:
        return b""
