"""One row per event for all subscribers, which is turned into their mails later, in batches.

The transaction of a check's result stores only that row, however many subscribers there are.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.subscriptions.sending import NOTIFY

# Mails created per transaction.
BATCH = 500
# How long a mail waits for further events: if one thing is down, others often are, too.
PATIENCE = timedelta(seconds=2)
# A broadcast that no worker has processed in this time is outdated: no mails were being sent.
EXPIRES_AFTER = timedelta(hours=24)

_ANNOUNCE = text("""
    INSERT INTO broadcasts (monitor_id, incident_id, event, payload)
    SELECT m.id, i.id, :event, jsonb_build_object(
        'event', CAST(:event AS text),
        'monitor', jsonb_build_object('id', m.id, 'name', m.name),
        'incident', jsonb_build_object('id', i.id, 'cause', told.cause,
            'opened_at', to_jsonb(i.opened_at), 'closed_at', to_jsonb(i.closed_at)))
    FROM unnest(CAST(:incidents AS int[]), CAST(:causes AS text[])) AS told (id, cause)
    JOIN incidents i ON i.id = told.id
    JOIN monitors m ON m.id = i.monitor_id
    WHERE EXISTS (SELECT FROM subscriptions)
    ORDER BY i.id
    ON CONFLICT DO NOTHING
""")

# The oldest first, so that for one monitor "down" precedes "up again". Later subscribers do not
# get it.
_NEXT = text("""
    SELECT id, reached FROM broadcasts
    WHERE created_at > now() - CAST(:expires_after AS interval)
    ORDER BY id
    LIMIT 1
    FOR UPDATE
""")

_EXPAND = text("""
    WITH told AS MATERIALIZED (
        SELECT s.id, s.email FROM subscriptions s JOIN broadcasts b ON b.id = :id
        WHERE s.id > b.reached AND s.confirmed_at <= b.created_at
          AND (s.monitor_ids IS NULL OR b.monitor_id = ANY(s.monitor_ids))
        ORDER BY s.id
        LIMIT :batch
        FOR KEY SHARE OF s
    ), mailed AS (
        INSERT INTO mails (subscription_id, email, incident_id, event, next_attempt_at, payload)
        SELECT told.id, told.email, b.incident_id, b.event, now() + CAST(:patience AS interval),
            jsonb_build_object('news', jsonb_build_array(b.payload))
        FROM told JOIN broadcasts b ON b.id = :id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) AS mails, max(id) AS reached FROM told
""")

_REACH = text("UPDATE broadcasts SET reached = :reached WHERE id = :id")

_END = text("DELETE FROM broadcasts WHERE id = :id")


async def announce(session: AsyncSession, event: str, causes: Mapping[int, str]) -> None:
    """Store `event` of incidents for the subscribers, if there are any.

    `causes`: what the public may know about the causes, by incident.
    """
    if not causes:
        return
    values = {"event": event, "incidents": list(causes), "causes": list(causes.values())}
    done = await session.execute(_ANNOUNCE, values)
    if done.rowcount:  # type: ignore[attr-defined]  # a statement's result has it
        await session.execute(NOTIFY)


async def expand(session: AsyncSession) -> bool:
    """Create the next mails of the oldest broadcast; return whether there may be more to create.

    Workers take turns, so that the order of broadcasts is the order of mails.
    """
    found = (await session.execute(_NEXT, {"expires_after": EXPIRES_AFTER})).one_or_none()
    if found is None:
        return False
    values = {"id": found.id, "batch": BATCH, "patience": PATIENCE}
    told = (await session.execute(_EXPAND, values)).one()
    if told.mails < BATCH:
        await session.execute(_END, {"id": found.id})
    else:
        await session.execute(_REACH, {"id": found.id, "reached": told.reached})
    return True
