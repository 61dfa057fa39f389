"""Read the checks of monitors that clients are watching, as they are stored.

Checks are not published. Those of monitors without followers cost nothing, however many there are;
those of a followed monitor cost an index scan a second for all its followers in this process.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.checks.schemas import CheckOut, check_out
from app.database import Database, DatabaseUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# Checks read per monitor. They arrive in the order in which they end, not in the order of the times
# for which they were planned, so checks that were sent already are recognized by these times.
NEWEST = 20

# The states, one row per monitor, come first, and only those that have changed. The time is bounded
# on both sides, so that only one or two days' partitions are read.
_NEWEST = text("""
    SELECT c.*, s.checked_at AS last_checked_at
    FROM unnest(CAST(:ids AS int[]), CAST(:seen AS timestamptz[])) AS v (monitor_id, checked_at)
    JOIN states s ON s.monitor_id = v.monitor_id AND s.checked_at IS DISTINCT FROM v.checked_at
    CROSS JOIN LATERAL (
        SELECT * FROM checks
        WHERE monitor_id = v.monitor_id
          AND scheduled_at > now() - interval '10 min' AND scheduled_at < now() + interval '10 min'
        ORDER BY scheduled_at DESC
        LIMIT :newest
    ) c
    ORDER BY c.scheduled_at
""")


@dataclass
class _Followed:
    """A monitor's followers, and the newest of its checks that they have received."""

    followers: int = 0
    last_checked_at: datetime | None = None
    scheduled_at: set[datetime] = field(default_factory=set)


class FollowedChecks:
    """Reads once a second, while there are followers, and calls `on_check` for every new check."""

    def __init__(self, database: Database, on_check: Callable[[int, CheckOut], object]) -> None:
        self._database = database
        self._on_check = on_check
        self._followed: dict[int, _Followed] = {}
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self, monitor_id: int) -> AsyncIterator[None]:
        """Follow a monitor until the end of the block. Checks stored before it are not sent.

        Raises DatabaseUnavailable.
        """
        followed = self._followed.get(monitor_id)
        if followed is None:
            followed = _Followed()
            for row in await self._newest({monitor_id: followed}):
                _learn(followed, row)
            followed = self._followed.setdefault(monitor_id, followed)
        followed.followers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_again_and_again())
        try:
            yield
        finally:
            followed.followers -= 1
            if not followed.followers:
                del self._followed[monitor_id]
            if not self._followed and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except DatabaseUnavailable as error:
                log.info("no live checks now: %s", error)
            except Exception:
                log.exception("looking for new checks failed")

    async def _look(self) -> None:
        for row in await self._newest(self._followed):
            followed = self._followed.get(row.monitor_id)
            if followed is not None and row.scheduled_at not in followed.scheduled_at:
                self._on_check(row.monitor_id, check_out(row))
                _learn(followed, row)

    async def _newest(self, followed: dict[int, _Followed]) -> Sequence[Any]:
        values = {
            "ids": list(followed),
            "seen": [known.last_checked_at for known in followed.values()],
            "newest": NEWEST,
        }
        async with self._database.transaction() as session:
            return (await session.execute(_NEWEST, values)).all()


def _learn(followed: _Followed, row: Any) -> None:
    followed.last_checked_at = row.last_checked_at
    followed.scheduled_at.add(row.scheduled_at)
    if len(followed.scheduled_at) > 10 * NEWEST:
        followed.scheduled_at = set(sorted(followed.scheduled_at)[-NEWEST:])
