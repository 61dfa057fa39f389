"""An Atom feed (RFC 4287) of incidents."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.incidents.public import public_reason
from app.monitors.service import find
from app.status.markup import xml

ENTRIES = 50
# Identifiers are derived from this and from stored values that never change. They do not contain
# the address of the feed, and two installations never have the same ones.
_NAMESPACE = UUID("3a1fbd6f-4a0c-4b0e-9d36-6b5c1f4f0f0e")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Feed(NamedTuple):
    """The document, and the time of its newest entry; None if there are no entries."""

    document: str
    updated: datetime | None


_LATEST = """
    WITH events AS (
        (SELECT id, 'opened' AS event, opened_at AS at FROM incidents
         WHERE {only} ORDER BY id DESC LIMIT {limit})
        UNION ALL
        (SELECT id, 'closed', closed_at FROM incidents
         WHERE {only} AND closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT {limit})
    )
    SELECT e.event, e.at, i.id, i.monitor_id, i.opened_at, i.closed_at, i.cause, m.name
    FROM events e JOIN incidents i ON i.id = e.id JOIN monitors m ON m.id = i.monitor_id
    ORDER BY e.at DESC, i.id DESC, e.event LIMIT {limit}
"""
_OF_ALL = text(_LATEST.format(only="true", limit=ENTRIES))
_OF_ONE = text(_LATEST.format(only="monitor_id = :monitor_id", limit=ENTRIES))

# An installation is identified by its database.
_INSTALLATION = text("SELECT system_identifier || current_database() FROM pg_control_system()")


async def feed(
    session: AsyncSession, base: str, monitor_id: int | None = None, *, public: bool = False
) -> Feed:
    """Return the latest events of all monitors or of one.

    `base` is the address of the status page, without a trailing slash; `public`: only what anybody
    may know is included. Raises MonitorNotFoundError.
    """
    if monitor_id is None:
        title, address = "Stagewatch: incidents", f"{base}/feed.atom"
        identity = f"feed of {await session.scalar(_INSTALLATION)}"
        events = (await session.execute(_OF_ALL)).all()
    else:
        monitor, _ = await find(session, monitor_id)
        title = f"Stagewatch: incidents of {monitor.name}"
        address = f"{base}/feed.atom?monitor_id={monitor_id}"
        identity = f"feed of {monitor_id}, {_time(monitor.created_at)}"
        events = (await session.execute(_OF_ONE, {"monitor_id": monitor_id})).all()
    updated = events[0].at if events else None
    document = f"""\
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<title>{xml(title)}</title>
<id>{_urn(identity)}</id>
<updated>{_time(updated or _NEVER)}</updated>
<author><name>Stagewatch</name></author>
<link rel="self" type="application/atom+xml" href="{xml(address)}"/>
<link rel="alternate" type="text/html" href="{xml(base)}/"/>
{"".join(_entry(base, event, public=public) for event in events)}</feed>
"""
    return Feed(document, updated)


def _entry(base: str, event: Any, *, public: bool) -> str:
    cause = public_reason(event.cause) if public else event.cause
    if event.event == "opened":
        title, summary = f"{event.name} is down", cause
    else:
        # Not "is up": an incident also ends when its monitor is paused.
        took = _duration(event.closed_at - event.opened_at)
        title, summary = f"{event.name}: incident closed after {took}", f"It was: {cause}"
    return f"""\
<entry>
<title>{xml(title)}</title>
<id>{_urn(f"incident {event.id}, {_time(event.opened_at)}, {event.event}")}</id>
<updated>{_time(event.at)}</updated>
<link rel="alternate" type="text/html" href="{xml(f"{base}/#monitor-{event.monitor_id}")}"/>
<summary>{xml(summary)}</summary>
</entry>
"""


def _urn(identity: str) -> str:
    return uuid5(_NAMESPACE, identity).urn


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _duration(passed: timedelta) -> str:
    """Return a duration in its two largest units: "3 h 20 min"."""
    seconds = max(round(passed.total_seconds()), 0)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts.append((count, unit))
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count or len(parts) == 1)
