"""Seals secrets that are plain text, or sealed by an older key, with the first key.

Done by upkeep, not by a migration: while a new release or key is rolled out, the old processes
still read the table, and could not open the new values.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import text

from app.channels.sealing import CannotOpen, Sealer
from app.database import Database

log = logging.getLogger(__name__)

# Seconds after which all processes of an older release, or without a new key, have been replaced.
SETTLED_SECONDS = 3600.0
# Rows per query, and channels named in one log line.
PART = 100
NAMED_CHANNELS = 10

_READ = text("""
    SELECT id, secret FROM channels
    WHERE secret IS NOT NULL AND id > :after
    ORDER BY id
    LIMIT :limit
""")

# Only if the value is still the one that was read: another worker may do the same, or a client may
# have set a new secret. The version stays, because nothing has changed for clients.
_SEAL = text("UPDATE channels SET secret = :sealed WHERE id = :id AND secret = :stored")


class _Stale(NamedTuple):
    id: int
    stored: str
    sealed: str
    was_plain: bool


@dataclass
class Tally:
    """How secrets are stored now; `closed`: the channels whose secret can't be opened."""

    first: int = 0
    older: int = 0
    plain: int = 0
    closed: list[int] = field(default_factory=list)


async def reseal(database: Database, sealer: Sealer, *, settled: bool) -> Tally:
    """Seal all secrets with the first key, if all processes have it; log and return the counts.

    With `settled` false nothing is written. Raises DatabaseUnavailable.
    """
    tally = Tally()
    sealed = after = 0
    while rows := await _read(database, after):
        after = rows[-1][0]
        # In a thread: the first call imports the library, and a hundred secrets take milliseconds.
        for stale in await asyncio.to_thread(_look, rows, sealer, tally):
            if settled and sealer.keys and await _write(database, stale):
                sealed += 1
                tally.first += 1
            elif stale.was_plain:
                tally.plain += 1
            else:
                tally.older += 1
    if sealed or len(sealer.keys) > 1:
        log.info(
            "secrets of webhooks: %d sealed by the first key, of these %d now; %d by an older key, "
            "%d plain",
            *(tally.first, sealed, tally.older, tally.plain),
        )
    if tally.closed:
        named = ", ".join(map(str, tally.closed[:NAMED_CHANNELS]))
        more = ", …" if len(tally.closed) > NAMED_CHANNELS else ""
        log.warning(
            "secrets of %d webhooks can't be opened, their key is not in WEBHOOK_KEY: channels %s",
            *(len(tally.closed), named + more),
        )
    return tally


async def _read(database: Database, after: int) -> Sequence[tuple[int, str]]:
    async with database.transaction() as session:
        rows = await session.execute(_READ, {"after": after, "limit": PART})
        return [(row.id, row.secret) for row in rows]


def _look(rows: Sequence[tuple[int, str]], sealer: Sealer, tally: Tally) -> list[_Stale]:
    """Return secrets not sealed by the first key, with the value to store; count the others."""
    stale = []
    for number, stored in rows:
        try:
            secret, key = sealer.look(stored)
        except CannotOpen:
            tally.closed.append(number)
            continue
        if key == 0:
            tally.first += 1
        else:
            stale.append(_Stale(number, stored, sealer.seal(secret), key is None))
    return stale


async def _write(database: Database, stale: _Stale) -> bool:
    """Store it in its own transaction: with a single row locked there are no deadlocks."""
    values = {"id": stale.id, "stored": stale.stored, "sealed": stale.sealed}
    async with database.transaction() as session:
        done = await session.execute(_SEAL, values)
    return bool(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it
