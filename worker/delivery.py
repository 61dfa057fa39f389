"""Empties the outbox: each notification is sent, tried again later, or given up as dead."""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

from app.database import Database
from app.probing.guard import Guard
from app.probing.prober import Prober
from worker.senders import NotDelivered, send_by_apprise, send_webhook

log = logging.getLogger(__name__)

# Notifications that one worker sends at a time.
BATCH = 50
# Seconds for which a worker has them: longer than the slowest attempt.
LEASE_SECONDS = 60
# 5 s, 10 s, 20 s … up to an hour apart: twelve attempts take about two hours and a half.
MAX_ATTEMPTS = 12
FIRST_RETRY_SECONDS = 5
LONGEST_RETRY_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notification that is ours to send."""

    id: int
    attempts: int
    payload: dict[str, Any]
    kind: str
    url: str
    secret: str | None


# Of one incident and channel the earlier goes first: "up again" must not overtake "down".
_CLAIM = text("""
    WITH due AS MATERIALIZED (
        SELECT id FROM notifications n
        WHERE state = 'pending' AND next_attempt_at <= now()
          AND NOT EXISTS (
            SELECT FROM notifications earlier
            WHERE earlier.incident_id = n.incident_id AND earlier.channel_id = n.channel_id
              AND earlier.id < n.id AND earlier.state = 'pending')
        ORDER BY next_attempt_at
        LIMIT :most
        FOR UPDATE SKIP LOCKED
    )
    UPDATE notifications n
    SET attempts = attempts + 1, next_attempt_at = now() + CAST(:lease AS interval)
    FROM due, channels c
    WHERE n.id = due.id AND c.id = n.channel_id
    RETURNING n.id, n.attempts, n.payload, c.kind, c.url, c.secret
""").columns(payload=JSONB())

# By the number of attempts: one whose lease has run out finds it changed, and changes nothing.
_SENT = text("""
    UPDATE notifications SET state = 'sent', sent_at = now(), last_error = NULL
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_FAILED = text("""
    UPDATE notifications
    SET last_error = :error, next_attempt_at = now() + CAST(:wait AS interval), state = :state
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")


def wait_after(attempts: int) -> float:
    """Seconds until the next attempt: doubled each time, and spread by a quarter.

    Spread, so that what failed together does not come back together.
    """
    wait = min(FIRST_RETRY_SECONDS * 2.0 ** (attempts - 1), LONGEST_RETRY_SECONDS)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)


class Deliverer:
    """Sends what is due.

    Several at once, in however many workers, send nothing twice, unless one is killed after it
    has sent and before it has noted so: then the same webhook-id comes again.
    """

    def __init__(self, database: Database, prober: Prober, guard: Guard) -> None:
        self._database = database
        self._prober = prober
        self._guard = guard

    async def deliver(self) -> bool:
        """Send what is due now, up to a batch; whether there may be more.

        Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            lease = timedelta(seconds=LEASE_SECONDS)
            rows = await session.execute(_CLAIM, {"most": BATCH, "lease": lease})
            outgoing = [Outgoing(*row) for row in rows]
        # No transaction is open while the channels take their time.
        await asyncio.gather(*(self._deliver(each) for each in outgoing))
        return len(outgoing) == BATCH

    async def _deliver(self, each: Outgoing) -> None:
        error = await self._send(each)
        if error is None:
            log.info("notification %d sent", each.id)
            await self._note(_SENT, {"id": each.id, "attempts": each.attempts})
            return
        dead = each.attempts >= MAX_ATTEMPTS
        log.warning("notification %d, attempt %d: %s", each.id, each.attempts, error)
        values = {
            "id": each.id,
            "attempts": each.attempts,
            "error": error,
            "wait": timedelta(seconds=wait_after(each.attempts)),
            "state": "dead" if dead else "pending",
        }
        await self._note(_FAILED, values)

    async def _send(self, each: Outgoing) -> str | None:
        """Why it could not be sent, or None."""
        try:
            if each.kind == "webhook":
                message_id = f"notification-{each.id}"
                await send_webhook(
                    self._prober, each.url, each.secret or "", message_id, each.payload
                )
            else:
                await send_by_apprise(self._guard, each.url, each.payload)
        except NotDelivered as failure:
            return str(failure)
        except Exception as bug:
            # What one channel's library throws must not keep the others from being told.
            log.exception("sending notification %d failed by a fault of its own", each.id)
            return f"internal error: {type(bug).__name__}"
        return None

    async def _note(self, statement: TextClause, values: dict[str, Any]) -> None:
        async with self._database.transaction() as session:
            await session.execute(statement, values)
