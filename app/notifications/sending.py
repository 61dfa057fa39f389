"""Claims due notifications, and stores the outcomes of attempts to send them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

# Seconds for which a worker holds a notification: longer than the slowest attempt, including
# storing its outcome.
LEASE_SECONDS = 60
# 5 s, 10 s, 20 s … up to an hour apart: twelve attempts take about two and a half hours.
MAX_ATTEMPTS = 12
FIRST_RETRY_SECONDS = 5
LONGEST_RETRY_SECONDS = 3600
# A channel with this many consecutive failures is suspended: for 5 s, doubling up to 5 min.
# Then one notification is tried; the others wait without using up attempts.
FAILURES_TO_SUSPEND = 3
LONGEST_SUSPENSION_SECONDS = 300
LONGEST_ERROR = 500
LONGEST_ANSWER = 600


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A notification that this process has claimed; compared by identity."""

    id: int
    channel_id: int
    attempts: int
    payload: dict[str, Any]
    kind: str
    url: str
    secret: str | None
    monitor_id: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt; `error` is None if the notification was delivered.

    `answer` is the channel's response, if there was one. `ours`: the error says nothing about the
    channel, because the channel was never called.
    """

    delivery: Delivery
    error: str | None
    answer: str | None = None
    ours: bool = False


# For one monitor and channel, earlier notifications go first: "up again" must not precede "down".
# The check is a scalar subquery on purpose: the index answers it for the few rows that come first.
# With NOT EXISTS, the planner joins all pending rows: with 100,000 rows, 350 ms instead of 5.
#
# The channel is locked, so only one worker at a time claims from it. Nothing here waits for a lock,
# so there are no deadlocks. A failing channel gets one attempt at a time, and a suspended channel
# that is due for a trial is suspended again until the trial has ended.
_CLAIM = text("""
    WITH ready AS MATERIALIZED (
        SELECT c.id, c.kind, c.url, c.secret, c.failures, greatest(
            CASE WHEN c.failures > 0 THEN 1 ELSE :per_channel END - coalesce(b.count, 0), 0) AS room
        FROM channels c
        LEFT JOIN unnest(CAST(:busy AS int[]), CAST(:counts AS int[])) AS b (id, count)
            ON b.id = c.id
        WHERE c.kind = :kind AND (c.failures > 0) = :failing
          AND (c.retry_at IS NULL OR c.retry_at <= now())
          AND EXISTS (
            SELECT FROM notifications n
            WHERE n.channel_id = c.id AND n.state = 'pending' AND n.next_attempt_at <= now())
        FOR NO KEY UPDATE OF c SKIP LOCKED
    ), due AS MATERIALIZED (
        SELECT n.id, ready.id AS channel_id, ready.kind, ready.url, ready.secret, ready.failures
        FROM ready CROSS JOIN LATERAL (
            SELECT n.id, n.next_attempt_at FROM notifications n
            WHERE n.channel_id = ready.id AND n.state = 'pending' AND n.next_attempt_at <= now()
              AND (
                SELECT other.id FROM notifications other
                WHERE other.monitor_id = n.monitor_id AND other.channel_id = n.channel_id
                  AND other.state = 'pending'
                  AND (other.id < n.id OR other.id > n.id AND other.event = 'incident.opened')
                LIMIT 1) IS NULL
            ORDER BY n.next_attempt_at, n.id
            LIMIT ready.room
            FOR UPDATE SKIP LOCKED
        ) n
        ORDER BY n.next_attempt_at, n.id
        LIMIT :limit
    ), trial AS (
        UPDATE channels c SET retry_at = now() + CAST(:lease AS interval)
        FROM due WHERE c.id = due.channel_id AND due.failures >= :to_suspend
    )
    UPDATE notifications n
    SET attempts = attempts + 1, sending = true,
        next_attempt_at = now() + CAST(:lease AS interval)
    FROM due
    WHERE n.id = due.id AND n.state = 'pending' AND n.next_attempt_at <= now()
    RETURNING n.id, n.channel_id, n.attempts, n.payload, due.kind, due.url, due.secret,
        n.monitor_id, n.request_id
""").columns(payload=JSONB())

# Notifications overtaken by a newer incident of the same monitor are not sent any more. One that
# is being sent is left alone: the newer one waits for that attempt to end.
_SUPERSEDE = text("""
    WITH overtaken AS MATERIALIZED (
        SELECT n.id FROM notifications n
        WHERE n.state = 'pending' AND (NOT n.sending OR n.next_attempt_at <= now())
          AND EXISTS (
            SELECT FROM notifications newer
            WHERE newer.monitor_id = n.monitor_id AND newer.channel_id = n.channel_id
              AND newer.id > n.id AND newer.event = 'incident.opened' AND newer.state = 'pending')
        ORDER BY n.id
        FOR UPDATE SKIP LOCKED
    )
    UPDATE notifications n SET state = 'superseded', sending = false
    FROM overtaken WHERE n.id = overtaken.id
""")

# Times later than any retry can be: the clock was ahead and has been set back. Without this nobody
# would be notified of an outage until then.
_TRY_CHANNELS = text("""
    UPDATE channels SET retry_at = now()
    WHERE id = ANY(ARRAY(
        SELECT id FROM channels WHERE retry_at > now() + CAST(:longest AS interval)
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))
""")

# Matched by the number of attempts: a worker whose lease has expired changes nothing.
_SENT = text("""
    UPDATE notifications
    SET state = 'sent', sending = false, sent_at = now(), last_error = NULL, answer = :answer
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_FAILED = text("""
    UPDATE notifications
    SET sending = false, last_error = :error, answer = :answer,
        next_attempt_at = now() + CAST(:wait AS interval),
        state = CASE WHEN attempts >= :limit OR give_up_at <= now() THEN 'dead' ELSE state END
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

# As if it had never been claimed, except that it is not retried at once.
_GIVEN_BACK = text("""
    UPDATE notifications
    SET sending = false, last_error = :error, attempts = attempts - 1,
        next_attempt_at = now() + CAST(:wait AS interval)
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_CHANNEL_WORKS = text("""
    UPDATE channels SET failures = 0, retry_at = NULL
    WHERE id = :channel_id AND (failures > 0 OR retry_at IS NOT NULL)
""")

_CHANNEL_FAILS = text("""
    UPDATE channels
    SET failures = failures + 1,
        retry_at = CASE WHEN failures + 1 >= CAST(:to_suspend AS int) THEN
            now() + interval '1 second' * least(
                CAST(:first AS float8) * 2.0 ^ least(failures + 1 - CAST(:to_suspend AS int), 20),
                CAST(:longest AS float8)) END
    WHERE id = :channel_id
""")

# Includes those queued behind a long-failing channel: never tried, and they never will be.
_GIVE_UP = text("""
    UPDATE notifications
    SET state = 'dead', last_error = :error
    WHERE channel_id = :channel_id AND state = 'pending' AND NOT sending AND give_up_at <= now()
""")


def wait_after(attempts: int) -> float:
    """Return the seconds until the next attempt: doubled every time, with a jitter of 25 %.

    The jitter keeps attempts that failed together from being retried together.
    """
    wait = min(FIRST_RETRY_SECONDS * 2.0 ** (attempts - 1), LONGEST_RETRY_SECONDS)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)


async def claim(
    session: AsyncSession,
    kind: str,
    *,
    failing: bool,
    limit: int,
    per_channel: int,
    busy: Mapping[int, int],
) -> list[Delivery]:
    """Claim due notifications for channels of one kind: those that work, or those that fail.

    `busy` counts the attempts that this process is already making, by channel; including these,
    no channel gets more than `per_channel`.
    """
    values = {
        "kind": kind,
        "failing": failing,
        "limit": limit,
        "per_channel": per_channel,
        "busy": list(busy),
        "counts": list(busy.values()),
        "lease": timedelta(seconds=LEASE_SECONDS),
        "to_suspend": FAILURES_TO_SUSPEND,
    }
    return [Delivery(*row) for row in await session.execute(_CLAIM, values)]


async def supersede(session: AsyncSession) -> None:
    """Drop notifications overtaken by a newer incident of the same monitor."""
    await session.execute(_SUPERSEDE)


async def retry_misdated(session: AsyncSession) -> None:
    """Retry now what waits for a time that only a wrong clock can have set."""
    # An attempt in progress holds its channel for less than either; 1.25: `wait_after` adds jitter.
    suspension = timedelta(seconds=LONGEST_SUSPENSION_SECONDS)
    await session.execute(_TRY_CHANNELS, {"longest": suspension})
    await retry_misdated_rows(session, "notifications")


async def retry_misdated_rows(session: AsyncSession, table: str) -> None:
    """Retry the misdated rows of an outbox; `table` goes into the SQL, so it must be a constant."""
    statement = f"""
        UPDATE {table}
        SET next_attempt_at = now(), give_up_at = least(give_up_at, now() + interval '24 hours')
        WHERE id = ANY(ARRAY(
            SELECT id FROM {table}
            WHERE state = 'pending' AND next_attempt_at > now() + CAST(:longest AS interval)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))
    """  # noqa: S608  (a constant)
    longest = timedelta(seconds=1.25 * LONGEST_RETRY_SECONDS)
    await session.execute(text(statement), {"longest": longest})


async def note(session: AsyncSession, outcomes: Sequence[Outcome]) -> None:
    """Store the outcomes of attempts, and what they say about the channels.

    Each channel is updated before its notifications, and the channels in order, as their deletion
    locks them, so there are no deadlocks.
    """
    for outcome in sorted(outcomes, key=lambda outcome: outcome.delivery.channel_id):
        await _note(session, outcome)


async def _note(session: AsyncSession, outcome: Outcome) -> None:
    delivery = outcome.delivery
    attempt = {"id": delivery.id, "attempts": delivery.attempts}
    channel = {"channel_id": delivery.channel_id}
    answer = outcome.answer and _storable(outcome.answer, LONGEST_ANSWER)
    if outcome.error is None:
        await session.execute(_CHANNEL_WORKS, channel)
        await session.execute(_SENT, attempt | {"answer": answer})
        return
    error = _storable(outcome.error, LONGEST_ERROR)
    if outcome.ours:
        wait = timedelta(seconds=FIRST_RETRY_SECONDS)
        await session.execute(_GIVEN_BACK, attempt | {"error": error, "wait": wait})
        return
    suspension = {
        "to_suspend": FAILURES_TO_SUSPEND,
        "first": FIRST_RETRY_SECONDS,
        "longest": LONGEST_SUSPENSION_SECONDS,
    }
    await session.execute(_CHANNEL_FAILS, channel | suspension)
    wait = timedelta(seconds=wait_after(delivery.attempts))
    values = {"error": error, "answer": answer, "wait": wait, "limit": MAX_ATTEMPTS}
    await session.execute(_FAILED, attempt | values)
    await session.execute(_GIVE_UP, channel | {"error": error})


def _storable(text: str, limit: int) -> str:
    # A library's message may contain characters that PostgreSQL's text type rejects.
    return text.replace("\x00", "").encode(errors="replace").decode()[:limit]
