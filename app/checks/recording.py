"""Record results and everything that follows from them, in the caller's transaction.

State, incident and notifications are stored together or not at all: a process killed halfway
leaves no outage without its notifications.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import located, raw, states
from app.checks.completed import CompletedCheck, Kept
from app.checks.located import CLOCK_TOLERANCE, LocatedResult, is_newer
from app.checks.rescheduling import Heartbeat, expect_next, move_on, retry, still_leased
from app.checks.schedule import CONFIRM_SECONDS
from app.checks.transition import Standing, transition
from app.events.publishing import Event, publish, state_event
from app.incidents.transitions import StateChange, close_incidents, open_incidents
from app.maintenance.coverage import NOT_COVERED, Coverage, Span, coverage

__all__ = ["CompletedCheck", "Recorded", "record"]

log = logging.getLogger(__name__)

# A heartbeat that is found missing this much later than it was due says nothing about its job: no
# worker ran, and probably nothing that could have received it. A worker that is restarted alone is
# back sooner, and claims are hardly ever late by more than a second.
UNATTENDED = timedelta(seconds=15)


class Recorded(NamedTuple):
    """The numbers of stored results and of notifications to deliver, and the state changes."""

    stored: int = 0
    notifications: int = 0
    changes: Sequence[StateChange] = ()


async def record(session: AsyncSession, completed: Sequence[CompletedCheck]) -> Recorded:
    """Store results, at most one per monitor, and everything that follows from them.

    A result is skipped if its monitor has been deleted or changed in the meantime, if it reports a
    late heartbeat that has arrived after all or could not arrive, or if it is a scheduled check of
    a monitor that is now paused. A result older than the last one is stored as a check and changes
    nothing else.
    """
    ids = sorted(done.monitor_id for done in completed)
    earliest = min((done.checked_at for done in completed), default=None)
    locked = await session.execute(
        states.LOCK, {"ids": ids, "earliest": earliest, "tolerance": CLOCK_TOLERANCE}
    )
    monitors = {row.monitor_id: row for row in locked}
    overtaken = await _overtaken(session, completed)
    covered = await _covered(session, completed, monitors)
    stored = [
        (done, row, covered.get(done.monitor_id, NOT_COVERED))
        for done in completed
        if (row := monitors.get(done.monitor_id)) is not None
        and done.monitor_id not in overtaken
        and _is_valid(done, row)
        and not _could_not_arrive(done, row)
    ]
    if stored:
        await raw.store(session, [_raw(done) for done, _, _ in stored])
    kept = [
        _judged(done, row, during)
        for done, row, during in stored
        if done.decides and not done.location and _is_newest(done, row)
    ]
    kept += await _agreed(session, [found for found in stored if found[0].location])
    notifications = 0
    changes = _changes(kept)
    if kept:
        await states.update(session, kept)
        notifications = await _update_incidents(session, changes)
    # Last, so that the rows that claims read are locked for as short a time as possible.
    await _reschedule(session, completed, kept)
    return Recorded(len(stored), notifications, changes)


async def _overtaken(session: AsyncSession, completed: Sequence[CompletedCheck]) -> set[int]:
    """Return the monitors whose late heartbeat arrived after its check was claimed."""
    late = [done.claim for done in completed if done.claim and done.claim.kind == "heartbeat"]
    return {claim.monitor_id for claim in late} - await still_leased(session, late)


async def _covered(
    session: AsyncSession, completed: Sequence[CompletedCheck], monitors: Mapping[int, Any]
) -> Mapping[int, Coverage]:
    """Return how maintenance windows cover the results, by monitor.

    The periods decide, not the state alone: when a window has begun or ended, its monitors may not
    have been switched yet.
    """
    if not any(row.maintenance_near or row.state == "maintenance" for row in monitors.values()):
        return {}
    return await coverage(
        session,
        [
            Span(done.monitor_id, row.checked_at, done.checked_at)
            for done in completed
            if (row := monitors.get(done.monitor_id)) is not None
        ],
    )


def _is_valid(done: CompletedCheck, row: Any) -> bool:
    """Return whether the result applies to the monitor as it is now."""
    return done.version in (None, row.version) and (done.claim is None or row.state != "paused")


def _could_not_arrive(done: CompletedCheck, row: Any) -> bool:
    """Return whether a heartbeat was due while nothing ran, so that the next one is awaited.

    Only once: where workers are always late, a dead job must be noticed all the same.
    """
    if done.claim is None or done.claim.kind != "heartbeat" or row.checked_at is None:
        return False
    waited = done.scheduled_at - row.checked_at
    again = waited > timedelta(seconds=row.expected_seconds + 1)
    if again or done.checked_at - done.scheduled_at < UNATTENDED:
        return False
    log.warning("monitor %d: nothing ran when its heartbeat was due", done.monitor_id)
    return True


def _is_newest(done: CompletedCheck, row: Any) -> bool:
    return is_newer(done.checked_at, row.checked_at, row.now)


def _raw(done: CompletedCheck) -> raw.RawCheck:
    return raw.RawCheck(
        done.monitor_id, done.scheduled_at, done.checked_at, done.result, done.location or None
    )


def _judged(done: CompletedCheck, row: Any, covered: Coverage) -> Kept:
    now = transition(
        Standing(row.state, row.failures),
        ok=done.result.ok,
        confirmations=row.confirmations,
        in_maintenance=covered.at_end,
    )
    at = done.checked_at
    return Kept(
        done,
        now,
        row,
        at,
        done.result.error,
        retry=now.failures > 0 and now.state not in ("down", "paused", "maintenance"),
        known_until=covered.begun_at or at,
    )


async def _agreed(
    session: AsyncSession, from_locations: Sequence[tuple[CompletedCheck, Any, Coverage]]
) -> list[Kept]:
    """Return the states that follow from these results and from those of other locations."""
    results = [
        LocatedResult(done.location, done.checked_at, done.result, row, covered.at_end)
        for done, row, covered in from_locations
    ]
    agreed = await located.settle(session, results)
    kept = []
    for done, row, covered in from_locations:
        if (found := agreed.get(done.monitor_id)) is not None:
            # Results from several workers may be stored in another order than they were made.
            at = done.checked_at if _is_newest(done, row) else row.checked_at
            now = Standing(found.state, found.failing)
            until = covered.begun_at or at
            kept.append(Kept(done, now, row, at, found.cause, found.retry, until))
    return kept


def _changes(kept: Sequence[Kept]) -> list[StateChange]:
    return [
        StateChange(
            entry.done.monitor_id, entry.before.name, entry.now.state, entry.at, entry.cause
        )
        for entry in kept
        if entry.now.state != entry.before.state
    ]


async def _update_incidents(session: AsyncSession, changes: Sequence[StateChange]) -> int:
    """Publish state changes, open and close incidents; return the number of notifications."""
    await publish(session, [_state_event(change) for change in changes])
    opened = [change for change in changes if change.state == "down"]
    closed = [change for change in changes if change.state == "up"]
    return await open_incidents(session, opened) + await close_incidents(session, closed)


def _state_event(change: StateChange) -> Event:
    return state_event(change.monitor_id, change.name, change.state, change.at, change.cause)


async def _reschedule(
    session: AsyncSession, completed: Sequence[CompletedCheck], kept: Sequence[Kept]
) -> None:
    pause = timedelta(seconds=CONFIRM_SECONDS)
    retry_at = {
        entry.done.monitor_id: entry.done.checked_at + pause for entry in kept if entry.retry
    }
    claims = [done.claim for done in completed if done.claim]
    await move_on(session, [claim for claim in claims if claim.monitor_id not in retry_at])
    retries = [claim for claim in claims if claim.monitor_id in retry_at]
    await retry(session, retries, retry_at)
    heartbeats = [
        Heartbeat(
            entry.done.monitor_id,
            entry.done.checked_at,
            entry.done.checked_at + timedelta(seconds=entry.before.expected_seconds),
        )
        for entry in kept
        if entry.before.kind == "heartbeat"
        and entry.done.claim is None
        and entry.before.state != "paused"
    ]
    await expect_next(session, heartbeats)
