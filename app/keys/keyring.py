"""Finds the key that a request came with: in this process for some seconds, else in PostgreSQL.

Nothing is sent around when a key is revoked. Each process asks the database again for a key that it
has known for KEEP_SECONDS, so a revoked one is worthless everywhere that long after the commit at
the latest, and whatever becomes of Redis or of a message. A key in use costs a process one row by
an index in that time.
"""

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass
from functools import partial

from sqlalchemy import text

from app.database import Database, DatabaseUnavailable
from app.keys.models import Scope
from app.keys.tokens import digest, is_token

log = logging.getLogger(__name__)

# Seconds for which what was found holds.
KEEP_SECONDS = 2.0
# Keys that are remembered. Only keys that exist are, so it takes an operator to make more.
MAX_KNOWN = 10_000

# By its digest and an ordinary index: how long the comparison takes says something about the
# digests, of which nobody can choose one, and nothing about the keys.
_FIND = text("""
    SELECT id, name, scope, requests_per_minute, revoked_at IS NOT NULL AS revoked,
        coalesce(expires_at <= now(), false) AS expired,
        coalesce(last_used_at < now() - interval '1 minute', true) AS unnoted
    FROM api_keys WHERE digest = :digest
""")

# Again with the minute: another process may have been here first.
_NOTE = text("""
    UPDATE api_keys SET last_used_at = now()
    WHERE id = :id AND coalesce(last_used_at < now() - interval '1 minute', true)
""")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is valid. `id` is 0 for the one of the settings; `per_minute` None: as others."""

    id: int
    name: str
    scope: Scope
    per_minute: int | None = None


class KeyRefused(Exception):
    """It is no key, or not any more; the message says which."""


@dataclass(frozen=True, slots=True)
class _Found:
    key: Key
    until: float


class Keyring:
    """The keys of `database`, and `bootstrap`: the one of the settings, which may write.

    That one is there before any other and lets the first person in. It is compared in a time that
    says nothing about it.
    """

    def __init__(self, database: Database, bootstrap: str | None = None) -> None:
        self._database = database
        self._bootstrap = None if bootstrap is None else digest(bootstrap)
        self._known: dict[bytes, _Found] = {}
        self._asking: dict[bytes, asyncio.Task[Key]] = {}
        # Held here, because the event loop itself holds tasks by weak references only.
        self._noting: set[asyncio.Task[None]] = set()

    def has_seen(self, token: str) -> bool:
        """Return whether a key was valid when it was last looked for here."""
        made = digest(token)
        return made in self._known or self._is_bootstrap(made)

    async def find(self, token: str) -> Key:
        """Return the key. Raises KeyRefused, and DatabaseUnavailable when nobody can tell."""
        made = digest(token)
        if self._is_bootstrap(made):
            return Key(0, "api_key", "write")
        found = self._known.get(made)
        if found is not None and time.monotonic() < found.until:
            return found.key
        if not is_token(token):
            raise KeyRefused("This is not a key.")
        task = self._asking.get(made)
        if task is None:
            task = self._asking[made] = asyncio.create_task(self._ask(made))
            task.add_done_callback(partial(self._end, made))
        # One question for all who came meanwhile; a client that leaves must not end it for them.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Ask for every key again: one of them has just been revoked here."""
        self._known.clear()

    async def close(self) -> None:
        """End what is still being asked or noted."""
        tasks = [*self._asking.values(), *self._noting]
        for task in tasks:
            task.cancel()
        # Waited for; that they end as cancelled is no fault.
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_bootstrap(self, made: bytes) -> bool:
        return self._bootstrap is not None and hmac.compare_digest(made, self._bootstrap)

    def _end(self, made: bytes, task: asyncio.Task[Key]) -> None:
        del self._asking[made]
        if not task.cancelled():
            task.exception()  # Seen, even if nobody waits any more.

    async def _ask(self, made: bytes) -> Key:
        # From before the question: a key that is revoked while it is on its way is not kept longer.
        until = time.monotonic() + KEEP_SECONDS
        async with self._database.transaction() as session:
            row = (await session.execute(_FIND, {"digest": made})).one_or_none()
        if row is None or row.revoked or row.expired:
            self._known.pop(made, None)
            if row is None:
                raise KeyRefused("There is no such key.")
            raise KeyRefused(f"This key {'was revoked' if row.revoked else 'has expired'}.")
        key = Key(row.id, row.name, row.scope, row.requests_per_minute)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[made] = _Found(key, until)
        if row.unnoted:
            task = asyncio.create_task(self._note(key.id))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)
        return key

    async def _note(self, key_id: int) -> None:
        """Note that a key is used. No request waits for that, and none fails with it."""
        try:
            async with self._database.transaction() as session:
                await session.execute(_NOTE, {"id": key_id})
        except DatabaseUnavailable as error:
            log.info("the last use of key %d is not noted: %s", key_id, error)
