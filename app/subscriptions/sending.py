"""Claims mails under a lease and stores their outcomes, as app.notifications does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.sending import (
    FIRST_RETRY_SECONDS,
    MAX_ATTEMPTS,
    retry_misdated_rows,
    wait_after,
)

# Seconds for which a worker holds the mails of one claim.
LEASE_SECONDS = 60
# Consecutive mails permanently refused by an address's server before the address is dropped.
MAX_BOUNCES = 3


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that this process has claimed."""

    id: int
    subscription_id: int | None
    email: str
    event: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    unsubscribe_token: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a mail; `error` is None if the server has accepted it.

    `begun`: whether it counts as an attempt. `permanent` and `bounced`: see smtp.MailError.
    """

    mail: Mail
    error: str | None = None
    begun: bool = True
    permanent: bool = False
    bounced: bool = False


# Wakes workers only once the transaction is committed.
NOTIFY = text("SELECT pg_notify('notifications', '')")

# Confirmation links go first, because somebody is waiting, then the longest-due mails. Mails to one
# subscriber keep their order: "up again" must not precede "down".
_CLAIM = text("""
    WITH due AS MATERIALIZED (
        SELECT m.id FROM mails m
        WHERE m.state = 'pending' AND m.next_attempt_at <= now() AND m.give_up_at > now()
          AND (
            SELECT earlier.id FROM mails earlier
            WHERE earlier.subscription_id = m.subscription_id AND earlier.state = 'pending'
              AND earlier.id < m.id
            LIMIT 1) IS NULL
        ORDER BY m.subscription_id IS NOT NULL, m.next_attempt_at, m.id
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    UPDATE mails m
    SET attempts = attempts + 1, sending = true,
        next_attempt_at = now() + CAST(:lease AS interval)
    FROM due
    WHERE m.id = due.id AND m.state = 'pending' AND m.next_attempt_at <= now()
    RETURNING m.id, m.subscription_id, m.email, m.event, m.payload, m.attempts, m.created_at, (
        SELECT s.unsubscribe_token FROM subscriptions s WHERE s.id = m.subscription_id
    ) AS unsubscribe_token
""").columns(payload=JSONB())

# If a thousand monitors are down at once, nobody wants a thousand mails: the first mail includes
# whatever else waits for the subscriber, unless it was tried before and so may have arrived.
_FOLD = text("""
    WITH folded AS (
        UPDATE mails m SET state = 'folded'
        FROM unnest(CAST(:ids AS bigint[]), CAST(:subscriptions AS bigint[]))
            AS first (id, subscription_id)
        WHERE m.subscription_id = first.subscription_id AND m.id > first.id
          AND m.state = 'pending' AND m.attempts = 0
        RETURNING first.id AS first_id, m.id, m.payload
    ), joined AS (
        SELECT first_id, jsonb_agg(news ORDER BY id, place) AS news
        FROM folded, jsonb_array_elements(payload -> 'news') WITH ORDINALITY AS n (news, place)
        GROUP BY first_id
    )
    UPDATE mails m
    SET payload = jsonb_build_object('news', (m.payload -> 'news') || joined.news)
    FROM joined WHERE m.id = joined.first_id
    RETURNING m.id, m.payload
""").columns(payload=JSONB())

# A payload may contain a token, which is no longer needed.
_SENT = text("""
    UPDATE mails
    SET state = 'sent', sending = false, sent_at = now(), last_error = NULL, payload = '{}'
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_FAILED = text("""
    UPDATE mails
    SET sending = false, last_error = :error, next_attempt_at = now() + CAST(:wait AS interval),
        state = CASE WHEN :permanent OR attempts >= :most OR give_up_at <= now() THEN 'dead'
            ELSE state END,
        payload = CASE WHEN :permanent OR attempts >= :most OR give_up_at <= now() THEN '{}'
            ELSE payload END
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_GIVEN_BACK = text("""
    UPDATE mails
    SET sending = false, last_error = coalesce(:error, last_error), attempts = attempts - 1,
        next_attempt_at = now() + CAST(:wait AS interval)
    WHERE id = :id AND attempts = :attempts AND state = 'pending'
""")

_REACHED = text("UPDATE subscriptions SET bounces = 0 WHERE id = :id AND bounces > 0")

_BOUNCED = text("UPDATE subscriptions SET bounces = bounces + 1 WHERE id = :id")

# Deletes its waiting mails, too.
_DROP = text("DELETE FROM subscriptions WHERE id = :id AND bounces >= :most")

_GIVE_UP = text("""
    UPDATE mails SET state = 'dead', payload = '{}'
    WHERE id = ANY(ARRAY(
        SELECT id FROM mails
        WHERE state = 'pending' AND give_up_at <= now() AND next_attempt_at <= now()
        FOR UPDATE SKIP LOCKED))
""")


async def claim(session: AsyncSession, limit: int) -> list[Mail]:
    """Claim due mails, in the order in which they are to be sent."""
    values = {"limit": limit, "lease": timedelta(seconds=LEASE_SECONDS)}
    mails = [Mail(*row) for row in await session.execute(_CLAIM, values)]
    new = [mail for mail in mails if mail.attempts == 1 and mail.subscription_id is not None]
    payloads: dict[int, dict[str, Any]] = {}
    if new:
        firsts = {
            "ids": [mail.id for mail in new],
            "subscriptions": [mail.subscription_id for mail in new],
        }
        payloads = {row.id: row.payload for row in await session.execute(_FOLD, firsts)}
    mails = [replace(mail, payload=payloads.get(mail.id, mail.payload)) for mail in mails]
    return sorted(mails, key=lambda mail: (mail.subscription_id is not None, mail.id))


async def note(session: AsyncSession, outcomes: Sequence[Outcome]) -> int:
    """Store the outcomes of mails; return how many addresses were dropped as a result.

    Subscriptions are locked first and in order, as unsubscribing locks them before the mails, so
    there are no deadlocks.
    """
    dropped = 0
    for outcome in sorted(outcomes, key=lambda outcome: outcome.mail.subscription_id or 0):
        dropped += await _note(session, outcome)
    return dropped


async def _note(session: AsyncSession, outcome: Outcome) -> int:
    mail = outcome.mail
    attempt = {"id": mail.id, "attempts": mail.attempts}
    if outcome.error is None and outcome.begun:
        await session.execute(_REACHED, {"id": mail.subscription_id})
        await session.execute(_SENT, attempt)
        return 0
    error = outcome.error
    if not outcome.begun:
        wait = timedelta(seconds=FIRST_RETRY_SECONDS if error else 0)
        await session.execute(_GIVEN_BACK, attempt | {"error": error, "wait": wait})
        return 0
    if outcome.bounced:
        await session.execute(_BOUNCED, {"id": mail.subscription_id})
    values = {
        "error": error,
        "wait": timedelta(seconds=wait_after(mail.attempts)),
        "permanent": outcome.permanent,
        "most": MAX_ATTEMPTS,
    }
    await session.execute(_FAILED, attempt | values)
    if not outcome.bounced:
        return 0
    done = await session.execute(_DROP, {"id": mail.subscription_id, "most": MAX_BOUNCES})
    return int(done.rowcount)  # type: ignore[attr-defined]  # a statement's result has it


async def give_up(session: AsyncSession) -> None:
    """Give up mails that have waited for a day: nobody needs yesterday's outage any more.

    Also retry those that wait for a time that only a wrong clock can have set.
    """
    await retry_misdated_rows(session, "mails")
    await session.execute(_GIVE_UP)
