"""An Atom feed (RFC 4287) of incidents and maintenance."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.incidents.public import public_reason
from app.maintenance.coverage import IS_FOR
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
    ), outages AS (
        SELECT e.event, e.at, i.id, i.monitor_id, i.opened_at AS begin_at, i.closed_at AS end_at,
            i.cause, m.name
        FROM events e JOIN incidents i ON i.id = e.id JOIN monitors m ON m.id = i.monitor_id
    ), maintenance AS (
        SELECT 'maintenance' AS event,
            CASE WHEN w.recurrence IS NULL THEN least(w.created_at, p.starts_at)
                ELSE p.starts_at END AS at,
            w.id, CAST(NULL AS int) AS monitor_id, p.starts_at AS begin_at, p.ends_at AS end_at,
            CAST(NULL AS text) AS cause, w.name
        FROM maintenance_windows w JOIN maintenance_periods p ON p.window_id = w.id
        WHERE p.starts_at < p.ends_at
          AND EXISTS (SELECT FROM monitors m WHERE {only_m} AND {is_for})
    )
    SELECT * FROM outages
    UNION ALL
    (SELECT * FROM maintenance WHERE at <= now() ORDER BY at DESC LIMIT {limit})
    ORDER BY at DESC, id DESC, event LIMIT {limit}
"""
# A one-time window is announced when it is planned, a recurring one each time it begins.
_OF_ALL = text(_LATEST.format(only="true", only_m="true", is_for=IS_FOR, limit=ENTRIES))
_OF_ONE = text(
    _LATEST.format(
        only="monitor_id = :monitor_id", only_m="m.id = :monitor_id", is_for=IS_FOR, limit=ENTRIES
    )
)

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
        title, address = "Stagewatch: incidents and maintenance", f"{base}/feed.atom"
        identity = f"feed of {await session.scalar(_INSTALLATION)}"
        events = (await session.execute(_OF_ALL)).all()
    else:
        monitor, _ = await find(session, monitor_id)
        title = f"Stagewatch: incidents and maintenance of {monitor.name}"
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
    page, about = f"{base}/#monitor-{event.monitor_id}", f"incident {event.id}"
    cause = public_reason(event.cause) if public and event.cause else event.cause
    if event.event == "opened":
        title, summary = f"{event.name} is down", cause
    elif event.event == "maintenance":
        title, page, about = f"Maintenance: {event.name}", f"{base}/", f"maintenance {event.id}"
        summary = f"From {_minute(event.begin_at)} to {_minute(event.end_at)} UTC"
    else:
        # Not "is up": an incident also ends when its monitor is paused.
        took = _duration(event.end_at - event.begin_at)
        title, summary = f"{event.name}: incident closed after {took}", f"It was: {cause}"
    return f"""\
<entry>
<title>{xml(title)}</title>
<id>{_urn(f"{about}, {_time(event.begin_at)}, {event.event}")}</id>
<updated>{_time(event.at)}</updated>
<link rel="alternate" type="text/html" href="{xml(page)}"/>
<summary>{xml(summary)}</summary>
</entry>
"""


def _urn(identity: str) -> str:
    return uuid5(_NAMESPACE, identity).urn


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


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
