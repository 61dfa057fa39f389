"""Publish changes in the transaction that makes them: sent after its commit, or never.

Single checks are not published. Fifteen hundred a second would be as many messages for every API
process, most of which no client watches: app.checks.following reads the checks that clients watch.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "events"
# A payload must be shorter than 8,000 bytes.
MAX_PAYLOAD_BYTES = 7999
# Events that one transaction publishes. When more has changed at once, as in a network failure,
# reading everything again costs all sides less than single events.
MAX_EVENTS = 100

_NOTIFY = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) payload")


class Event(NamedTuple):
    """A change of a monitor's state, an incident or a configuration.

    `resync`: more has changed than can be published; clients must read everything again.
    """

    kind: Literal["state", "incident", "config", "resync"]
    data: dict[str, Any]


RESYNC = Event("resync", {})


def state_event(
    monitor_id: int, name: str, state: str, since: datetime, error: str | None
) -> Event:
    """Return the event for a monitor's change to `state`; `error` is that of its check."""
    data = {"monitor_id": monitor_id, "name": name, "state": state, "since": since, "error": error}
    return Event("state", data)


async def publish(session: AsyncSession, events: Sequence[Event]) -> None:
    """Publish events, in their order, once the transaction is committed."""
    if events:
        values = {"channel": CHANNEL, "payloads": payloads(events)}
        await session.execute(_NOTIFY, values)


async def publish_config(session: AsyncSession, monitor_id: int | None = None) -> None:
    """Publish that a monitor was added, changed or deleted; None: several, or something else."""
    await publish(session, [Event("config", {"monitor_id": monitor_id})])


def payloads(events: Sequence[Event]) -> list[str]:
    """Return the messages that carry the events: JSON lists of [kind, data].

    If the events are too many or too long, they become one resync.
    """
    parts = [to_json(event) for event in events]
    if len(parts) > MAX_EVENTS or max(map(len, parts)) + 2 > MAX_PAYLOAD_BYTES:
        parts = [to_json(RESYNC)]
    messages = [parts[0]]
    for part in parts[1:]:
        # With the brackets around the list and a comma.
        if len(messages[-1]) + len(part) + 3 > MAX_PAYLOAD_BYTES:
            messages.append(part)
        else:
            messages[-1] += b"," + part
    return [f"[{message.decode()}]" for message in messages]
