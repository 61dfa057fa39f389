"""Switch monitors into maintenance when a window begins, and back when the last one ends.

Results are judged by the windows themselves (app.checks.recording). Switching only shows the new
state sooner, and has monitors that leave maintenance checked at once. Nothing goes wrong while no
process switches, and it does not matter which one does, how often, or how many do at a time.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import schedule, sums
from app.database import Database, DatabaseUnavailable
from app.events.publishing import publish, state_event
from app.maintenance.coverage import IS_FOR, RUNNING

log = logging.getLogger(__name__)

# Monitors switched per transaction. Their results wait for it, about a twentieth of a second.
BATCH = 500
# Seconds between two looks; fewer if a window is about to begin or end.
LOOK_SECONDS = 2.0
SOONEST_SECONDS = 0.05
# Seconds until the next look after a failed one.
RETRY_SECONDS = 10.0
# Seconds between two rounds that check all monitors, whether or not a window has begun or ended:
# they complete what a process that died halfway has left undone.
WHOLE_SECONDS = 60.0

# Rows are locked in the order of monitor numbers, as they are when results are stored.
_FIND = f"""
    WITH w AS MATERIALIZED ({RUNNING})
    SELECT s.monitor_id, m.name
    FROM states s JOIN monitors m ON m.id = s.monitor_id
    WHERE {{which}} AND {{state}} EXISTS (SELECT FROM w WHERE {IS_FOR})
    ORDER BY s.monitor_id
    {{limit}}
    FOR UPDATE OF s
"""  # noqa: S608  (constants)
# While no window is active, no table is read.
_OUTSIDE = "EXISTS (SELECT FROM w) AND s.state NOT IN ('maintenance', 'paused') AND"
_INSIDE = "s.state = 'maintenance' AND NOT"
_THESE = "s.monitor_id = ANY(CAST(:ids AS int[]))"
_NEXT = "s.monitor_id > :after"
_LIMIT = f"LIMIT {BATCH}"

_ENTERING = text(_FIND.format(which=_NEXT, state=_OUTSIDE, limit=_LIMIT))
_ENTERING_OF = text(_FIND.format(which=_THESE, state=_OUTSIDE, limit=""))
_LEAVING = text(_FIND.format(which=_NEXT, state=_INSIDE, limit=_LIMIT))
_LEAVING_OF = text(_FIND.format(which=_THESE, state=_INSIDE, limit=""))

_ENTER = text("""
    UPDATE states SET state = 'maintenance', since = now()
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
    RETURNING monitor_id, state, since
""")

# The next result decides. The next heartbeat may be a day away, so a monitor whose last one came on
# time is up, unless an incident is open, which the next heartbeat will close.
_LEAVE = text("""
    UPDATE states s
    SET since = now(), state = CASE
        WHEN m.kind = 'heartbeat' AND s.failures = 0 AND s.checked_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM incidents i WHERE i.monitor_id = m.id AND i.closed_at IS NULL)
        THEN 'up' ELSE 'pending' END
    FROM monitors m
    WHERE m.id = s.monitor_id AND s.monitor_id = ANY(CAST(:ids AS int[]))
    RETURNING s.monitor_id, s.state, s.since
""")

# Whether a window has begun or ended since the last look, and the seconds until the next one does.
_DUE = text("""
    SELECT now() AS now,
        coalesce(bool_or(starts_at BETWEEN :seen AND now() OR ends_at <= now()), false) AS due,
        CAST(extract(epoch FROM least(
            min(starts_at) FILTER (WHERE starts_at > now()),
            min(ends_at) FILTER (WHERE ends_at > now())) - now()) AS float) AS wait
    FROM maintenance_periods
    WHERE tstzrange(starts_at, ends_at)
        && tstzrange(least(:seen, now()), now() + make_interval(secs => :look))
""")


class Switched(NamedTuple):
    """The new states of the monitors that were switched, by monitor number."""

    entered: dict[int, str]
    left: dict[int, str]


async def switch_of(session: AsyncSession, monitor_ids: Sequence[int]) -> Switched:
    """Switch these monitors where needed, after the caller changed which windows apply."""
    values = {"ids": list(monitor_ids)}
    entering = (await session.execute(_ENTERING_OF, values)).all()
    leaving = (await session.execute(_LEAVING_OF, values)).all()
    return Switched(await _enter(session, entering), await _leave(session, leaving, 0))


async def switch(database: Database) -> tuple[int, int]:
    """Switch all monitors that need it. Safe to repeat, and to run in several processes at once.

    Return how many entered and how many left maintenance. Raises DatabaseUnavailable.
    """

    async def enter(session: AsyncSession, after: int, _: int) -> dict[int, str]:
        return await _enter(session, (await session.execute(_ENTERING, {"after": after})).all())

    async def leave(session: AsyncSession, after: int, number: int) -> dict[int, str]:
        rows = (await session.execute(_LEAVING, {"after": after})).all()
        return await _leave(session, rows, number)

    entered = await _in_batches(database, enter)
    left = await _in_batches(database, leave)
    if entered or left:
        log.info("%d monitors entered maintenance, %d left it", entered, left)
    return entered, left


async def _in_batches(
    database: Database, step: Callable[[AsyncSession, int, int], Awaitable[dict[int, str]]]
) -> int:
    after = count = 0
    while True:
        async with database.transaction() as session:
            done = await step(session, after, count)
        if not done:
            return count
        after, count = max(done), count + len(done)


async def _enter(session: AsyncSession, rows: Sequence[Any]) -> dict[int, str]:
    ids = [row.monitor_id for row in rows]
    if not ids:
        return {}
    await sums.settle(session, ids)
    return await _write(session, rows, _ENTER)


async def _leave(session: AsyncSession, rows: Sequence[Any], first: int) -> dict[int, str]:
    if not rows:
        return {}
    states = await _write(session, rows, _LEAVE)
    # Last, because claims must find the rows soon after the time that is written to them.
    await schedule.plan(session, list(states), sooner=True, first=first)
    return states


async def _write(session: AsyncSession, rows: Sequence[Any], statement: Any) -> dict[int, str]:
    names = {row.monitor_id: row.name for row in rows}
    changed = (await session.execute(statement, {"ids": list(names)})).all()
    await publish(
        session,
        [
            state_event(row.monitor_id, names[row.monitor_id], row.state, row.since, None)
            for row in changed
        ],
    )
    return {row.monitor_id: row.state for row in changed}


class Switching:
    """Switches monitors in this process: when a window begins or ends, or has been changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: datetime | None = None
        self._whole_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look again and again whether a switch is due. Runs in a worker."""
        while True:
            try:
                wait = await self.look()
            except DatabaseUnavailable as error:
                log.warning("no monitors were switched: %s", error)
                wait = RETRY_SECONDS
            except Exception:
                log.exception("switching monitors failed")
                wait = RETRY_SECONDS
            await asyncio.sleep(wait)

    async def look(self) -> float:
        """Switch if a window has begun or ended since the last look, or a minute has passed.

        Return the seconds until the next look. Raises DatabaseUnavailable; the next look then
        covers the same period again.
        """
        values = {"seen": self._seen, "look": LOOK_SECONDS}
        async with self._database.transaction() as session:
            found = (await session.execute(_DUE, values)).one()
        if found.due or time.monotonic() >= self._whole_at:
            await switch(self._database)
            self._whole_at = time.monotonic() + WHOLE_SECONDS
        self._seen = found.now
        wait = LOOK_SECONDS if found.wait is None else max(found.wait, SOONEST_SECONDS)
        return min(wait, LOOK_SECONDS)

    async def begin(self, seconds: float) -> None:
        """Start to switch and wait at most `seconds` for it: there may be thousands of monitors."""
        task = asyncio.create_task(self._switch())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task], timeout=seconds)

    async def close(self) -> None:
        """Cancel running switches; other processes complete them."""
        for task in self._tasks:
            task.cancel()
        # Wait until they have ended; being cancelled is not an error.
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _switch(self) -> None:
        try:
            await switch(self._database)
        except DatabaseUnavailable as error:
            log.warning("monitors will be switched a little later: %s", error)
