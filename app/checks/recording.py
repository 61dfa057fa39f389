"""Record results and everything that follows from them, in the caller's transaction.

State, incident and notifications are stored together or not at all: a process killed halfway
leaves no outage without its notifications.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks import raw, sums
from app.checks.claiming import Claim
from app.checks.histogram import BUCKETS, bucket
from app.checks.observed import hour_of, observed
from app.checks.rescheduling import Heartbeat, expect_next, move_on, retry, still_leased
from app.checks.schedule import CONFIRM_SECONDS
from app.checks.transition import Standing, transition
from app.events.publishing import Event, publish, state_event
from app.incidents.transitions import StateChange, close_incidents, open_incidents
from app.probing.result import Result

log = logging.getLogger(__name__)

# A heartbeat that is found missing this much later than it was due says nothing about its job: no
# worker ran, and probably nothing that could have received it. A worker that is restarted alone is
# back sooner, and claims are hardly ever late by more than a second.
UNATTENDED = timedelta(seconds=15)

# How far a result's time, which a worker derives from its claim's, may be ahead of the clock.
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class CompletedCheck:
    """A completed check: the time for which it was planned, when it ended, and its result.

    Times are the database's. `claim` is the claim under which a worker made it; None for a check
    on demand and for a heartbeat. `version` is the version of the configuration that was checked;
    None for a heartbeat.
    """

    monitor_id: int
    scheduled_at: datetime
    checked_at: datetime
    result: Result
    claim: Claim | None = None
    version: int | None = None

    @classmethod
    def of(cls, claim: Claim, checked_at: datetime, result: Result) -> "CompletedCheck":
        """Return the completed check of a claim."""
        return cls(claim.monitor_id, claim.due_at, checked_at, result, claim, claim.version)


class Recorded(NamedTuple):
    """The numbers of stored results and of notifications to deliver, and the state changes."""

    stored: int = 0
    notifications: int = 0
    changes: Sequence[StateChange] = ()


class _Kept(NamedTuple):
    """A result that counts, the state that follows from it, and the monitor's state row before."""

    done: CompletedCheck
    now: Standing
    before: Any

    @property
    def unconfirmed(self) -> bool:
        return self.now.failures > 0 and self.now.state not in ("down", "paused")


# Rows are locked in the order of monitor numbers, so that two transactions that write to the same
# monitors never deadlock. A snapshot that is held keeps every version of a state, and an index on
# the number alone leads to all of them; with the time in it, the last one comes first.
_LOCK = text("""
    WITH locked AS MATERIALIZED (
        SELECT s.*
        FROM unnest(CAST(:ids AS int[])) AS id CROSS JOIN LATERAL (
            SELECT ctid, monitor_id, state, failures, checked_at, hour
            FROM states
            WHERE monitor_id = id
            ORDER BY checked_at DESC
            LIMIT 1
            FOR UPDATE
        ) s
    )
    SELECT s.monitor_id, CAST(s.ctid AS text) AS place, s.state, s.failures, s.checked_at,
           s.hour, clock_timestamp() AS now, m.name, m.kind, m.version, m.confirmations,
           m.interval_seconds + m.timeout_seconds
               + CASE WHEN m.kind = 'heartbeat' THEN CAST(m.spec ->> 'grace_seconds' AS int)
                 ELSE 0 END AS expected_seconds
    FROM locked s JOIN monitors m ON m.id = s.monitor_id
""")

# By the rows' places, for the reason given in app.checks.claiming. The rows are locked.
_UPDATE = text("""
    UPDATE states s
    SET state = v.state, failures = v.failures, checked_at = v.checked_at,
        since = CASE WHEN s.state = v.state THEN s.since ELSE v.checked_at END,
        latency_ms = v.latency_ms, error = v.error,
        hour_checks = s.hour_checks + 1,
        hour_failed = s.hour_failed + CAST(v.error IS NOT NULL AS int),
        hour_up_ms = s.hour_up_ms + CASE s.state WHEN 'up' THEN v.known_ms ELSE 0 END,
        hour_down_ms = s.hour_down_ms + CASE s.state WHEN 'down' THEN v.known_ms ELSE 0 END,
        hour_latencies[v.slot] = least(CAST(s.hour_latencies[v.slot] AS int) + 1, 32767)
    FROM (
        SELECT CAST(place AS tid) AS place, state, failures, checked_at, latency_ms, error,
            known_ms, slot
        FROM unnest(
            CAST(:place AS text[]), CAST(:state AS text[]), CAST(:failures AS int[]),
            CAST(:checked_at AS timestamptz[]), CAST(:latency_ms AS real[]),
            CAST(:error AS text[]), CAST(:known_ms AS int[]), CAST(:slot AS int[])
        ) AS t (place, state, failures, checked_at, latency_ms, error, known_ms, slot)
    ) AS v
    WHERE s.ctid = ANY(ARRAY(SELECT CAST(unnest(CAST(:place AS text[])) AS tid)))
      AND s.ctid = v.place
""")


async def record(session: AsyncSession, completed: Sequence[CompletedCheck]) -> Recorded:
    """Store results, at most one per monitor, and everything that follows from them.

    A result is skipped if its monitor has been deleted or changed in the meantime, if it reports a
    late heartbeat that has arrived after all or could not arrive, or if it is a scheduled check of
    a monitor that is now paused. A result older than the last one is stored as a check and changes
    nothing else.
    """
    ids = sorted(done.monitor_id for done in completed)
    locked = await session.execute(_LOCK, {"ids": ids})
    monitors = {row.monitor_id: row for row in locked}
    overtaken = await _overtaken(session, completed)
    stored = [
        _Kept(done, _standing(done, row), row)
        for done in completed
        if (row := monitors.get(done.monitor_id)) is not None
        and done.monitor_id not in overtaken
        and _is_valid(done, row)
        and not _could_not_arrive(done, row)
    ]
    if stored:
        await raw.store(session, [_raw(entry.done) for entry in stored])
    kept = [entry for entry in stored if _is_newest(entry.done, entry.before)]
    notifications = 0
    changes = _changes(kept)
    if kept:
        await _update_states(session, kept)
        notifications = await _update_incidents(session, changes)
    # Last, so that the rows that claims read are locked for as short a time as possible.
    await _reschedule(session, completed, kept)
    return Recorded(len(stored), notifications, changes)


async def _overtaken(session: AsyncSession, completed: Sequence[CompletedCheck]) -> set[int]:
    """Return the monitors whose late heartbeat arrived after its check was claimed."""
    late = [done.claim for done in completed if done.claim and done.claim.kind == "heartbeat"]
    return {claim.monitor_id for claim in late} - await still_leased(session, late)


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
    if row.checked_at is None or row.checked_at < done.checked_at:
        return True
    # A time in the future was recorded before the clock was set back.
    return bool(row.checked_at > row.now + CLOCK_TOLERANCE)


def _raw(done: CompletedCheck) -> raw.RawCheck:
    return raw.RawCheck(done.monitor_id, done.scheduled_at, done.checked_at, done.result)


def _standing(done: CompletedCheck, row: Any) -> Standing:
    before = Standing(row.state, row.failures)
    return transition(before, ok=done.result.ok, confirmations=row.confirmations)


async def _update_states(session: AsyncSession, kept: Sequence[_Kept]) -> None:
    places = {row.monitor_id: row.place for _, _, row in kept}
    hours = {done.monitor_id: hour_of(done.checked_at) for done, _, _ in kept}
    ended = [row for _, _, row in kept if row.hour != hours[row.monitor_id]]
    if ended:
        begun = [hours[row.monitor_id] for row in ended]
        places |= await sums.begin_hours(session, [row.place for row in ended], begun)

    here: dict[int, int] = {}
    elsewhere = []
    for done, _, row in kept:
        for portion in observed(
            row.state, row.checked_at, done.checked_at, expected_seconds=row.expected_seconds
        ):
            if portion.hour == hours[row.monitor_id]:
                here[row.monitor_id] = portion.up_ms + portion.down_ms
            else:
                elsewhere.append((row.monitor_id, portion))
    await sums.add_portions(session, elsewhere)

    values = {
        "place": [places[done.monitor_id] for done, _, _ in kept],
        "state": [now.state for _, now, _ in kept],
        "failures": [now.failures for _, now, _ in kept],
        "checked_at": [done.checked_at for done, _, _ in kept],
        "latency_ms": [done.result.latency_ms for done, _, _ in kept],
        "error": [done.result.error for done, _, _ in kept],
        "known_ms": [here.get(done.monitor_id, 0) for done, _, _ in kept],
        "slot": [_slot(done.result) for done, _, _ in kept],
    }
    await session.execute(_UPDATE, values)


def _slot(result: Result) -> int:
    """Return the index in `hour_latencies`, from 1: a bucket's, or the last without a latency."""
    if not result.ok or result.latency_ms is None:
        return BUCKETS + 1
    return bucket(result.latency_ms) + 1


def _changes(kept: Sequence[_Kept]) -> list[StateChange]:
    return [
        StateChange(done.monitor_id, row.name, now.state, done.checked_at, done.result.error)
        for done, now, row in kept
        if now.state != row.state
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
    session: AsyncSession, completed: Sequence[CompletedCheck], kept: Sequence[_Kept]
) -> None:
    pause = timedelta(seconds=CONFIRM_SECONDS)
    retry_at = {
        entry.done.monitor_id: entry.done.checked_at + pause for entry in kept if entry.unconfirmed
    }
    claims = [done.claim for done in completed if done.claim]
    await move_on(session, [claim for claim in claims if claim.monitor_id not in retry_at])
    retries = [claim for claim in claims if claim.monitor_id in retry_at]
    await retry(session, retries, [retry_at[claim.monitor_id] for claim in retries])
    heartbeats = [
        Heartbeat(
            done.monitor_id,
            done.checked_at,
            done.checked_at + timedelta(seconds=row.expected_seconds),
        )
        for done, _, row in kept
        if row.kind == "heartbeat" and done.claim is None and row.state != "paused"
    ]
    await expect_next(session, heartbeats)
