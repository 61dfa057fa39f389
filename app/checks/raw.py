"""Store single results where possible; one that can't be stored still changes the state."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.probing.result import Result

log = logging.getLogger(__name__)

# SQLSTATE classes of errors in this row or its partition: bad data (22), a constraint or no
# partition (23), a missing table or an odd value (42, 54), a damaged file (58, XX). All other
# errors concern the database, and the caller's transaction can't continue.
_ROW_CLASSES = frozenset({"22", "23", "42", "54", "58", "XX"})
# No space to extend a table. Raw results take most of the space; states and incidents mostly reuse
# space in their tables, and can be written for longer.
_DISK_FULL = "53100"


class RawCheck(NamedTuple):
    """A result with its monitor, its times, and its location if it has one."""

    monitor_id: int
    scheduled_at: datetime
    checked_at: datetime
    result: Result
    location: str | None = None


_INSERT = text("""
    INSERT INTO checks (monitor_id, scheduled_at, checked_at, ok, status_code,
                        latency_ms, dns_ms, connect_ms, tls_ms, first_byte_ms, error, location)
    SELECT * FROM unnest(
        CAST(:monitor_id AS int[]), CAST(:scheduled_at AS timestamptz[]),
        CAST(:checked_at AS timestamptz[]), CAST(:ok AS bool[]), CAST(:status_code AS int2[]),
        CAST(:latency_ms AS real[]), CAST(:dns_ms AS real[]), CAST(:connect_ms AS real[]),
        CAST(:tls_ms AS real[]), CAST(:first_byte_ms AS real[]), CAST(:error AS text[]),
        CAST(:location AS text[]))
    ON CONFLICT DO NOTHING
""")


async def store(session: AsyncSession, checks: Sequence[RawCheck]) -> None:
    """Store results; skip those that can't be stored, and log the reason."""
    try:
        await _insert(session, checks)
    except DBAPIError as error:
        if _state(error) == _DISK_FULL:
            # No retry in halves: a smaller batch would not find space either.
            log.warning("%d results were not kept: %s", len(checks), error.orig)
            return
        if not _is_about_rows(error):
            raise
        if len(checks) == 1:
            # PostgreSQL's reason says it all: a traceback would only fill the log.
            log.error(  # noqa: TRY400  (for that reason)
                "a result of monitor %d was not kept: %s", checks[0].monitor_id, error.orig
            )
            return
        half = len(checks) // 2
        await store(session, checks[:half])
        await store(session, checks[half:])


async def _insert(session: AsyncSession, checks: Sequence[RawCheck]) -> None:
    results = [check.result for check in checks]
    values = {
        "monitor_id": [check.monitor_id for check in checks],
        "scheduled_at": [check.scheduled_at for check in checks],
        "checked_at": [check.checked_at for check in checks],
        "ok": [result.ok for result in results],
        "status_code": [result.status_code for result in results],
        "latency_ms": [result.latency_ms for result in results],
        "dns_ms": [result.timings.dns_ms for result in results],
        "connect_ms": [result.timings.connect_ms for result in results],
        "tls_ms": [result.timings.tls_ms for result in results],
        "first_byte_ms": [result.timings.first_byte_ms for result in results],
        "error": [result.error for result in results],
        "location": [check.location for check in checks],
    }
    async with session.begin_nested():
        await session.execute(_INSERT, values)


def _is_about_rows(error: DBAPIError) -> bool:
    return not error.connection_invalidated and _state(error)[:2] in _ROW_CLASSES


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
