"""Look up the key of a request: in this process's memory for some seconds, else in PostgreSQL.

Processes are not notified when a key is revoked. Each of them queries the database again for a key
that it has known for KEEP_SECONDS, so a revoked key is invalid everywhere at most that long after
the commit, even if Redis or a message fails. A key in use costs a process one index lookup in that
time.
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

# Seconds for which a key that was found is remembered.
KEEP_SECONDS = 2.0
# Keys that are remembered. Only existing keys are, so only operators can add to them.
MAX_KNOWN = 10_000

# By its digest, with an ordinary index: the time of the comparison reveals something about the
# digests, which no client can choose, but nothing about the keys.
_FIND = text("""
    SELECT id, name, scope, requests_per_minute, revoked_at IS NOT NULL AS revoked,
        coalesce(expires_at <= now(), false) AS expired,
        coalesce(last_used_at < now() - interval '1 minute', true) AS unnoted
    FROM api_keys WHERE digest = :digest
""")

# With the same condition again, because another process may have been faster.
_NOTE = text("""
    UPDATE api_keys SET last_used_at = now()
    WHERE id = :id AND coalesce(last_used_at < now() - interval '1 minute', true)
""")


@dataclass(frozen=True, slots=True)
class Key:
    """A valid key. `id` is 0 for the key in the settings; `per_minute` None: the default limit."""

    id: int
    name: str
    scope: Scope
    per_minute: int | None = None


class KeyRefused(Exception):
    """The token is not a key, or no longer a valid one; the message says which."""


@dataclass(frozen=True, slots=True)
class _Found:
    key: Key
    until: float


class Keyring:
    """The keys in `database`, and `bootstrap`: the key in the settings, which may write.

    The latter exists before all other keys and gives the first operator access. It is compared in
    constant time.
    """

    def __init__(self, database: Database, bootstrap: str | None = None) -> None:
        self._database = database
        self._bootstrap = None if bootstrap is None else digest(bootstrap)
        self._known: dict[bytes, _Found] = {}
        self._asking: dict[bytes, asyncio.Task[Key]] = {}
        # Held here, because the event loop itself holds tasks by weak references only.
        self._noting: set[asyncio.Task[None]] = set()

    def has_seen(self, token: str) -> bool:
        """Return whether a key was valid when this process last looked it up."""
        made = digest(token)
        return made in self._known or self._is_bootstrap(made)

    async def find(self, token: str) -> Key:
        """Return the key. Raises KeyRefused, and DatabaseUnavailable if it can't be looked up."""
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
        # One query for all requests that arrive meanwhile; a client that leaves must not cancel it.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Look up every key again, because one of them has just been revoked here."""
        self._known.clear()

    async def close(self) -> None:
        """Cancel running lookups and updates."""
        tasks = [*self._asking.values(), *self._noting]
        for task in tasks:
            task.cancel()
        # Wait until they have ended; being cancelled is not an error.
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_bootstrap(self, made: bytes) -> bool:
        return self._bootstrap is not None and hmac.compare_digest(made, self._bootstrap)

    def _end(self, made: bytes, task: asyncio.Task[Key]) -> None:
        del self._asking[made]
        if not task.cancelled():
            task.exception()  # Retrieved, even if no request waits any more.

    async def _ask(self, made: bytes) -> Key:
        # Measured from before the query: a key revoked during the query is not kept longer.
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
        """Store that a key is used. No request waits for this, or fails if it fails."""
        try:
            async with self._database.transaction() as session:
                await session.execute(_NOTE, {"id": key_id})
        except DatabaseUnavailable as error:
            log.info("the last use of key %d was not recorded: %s", key_id, error)
