"""Create, change and delete maintenance windows. The caller commits."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import InvalidFieldError, NotFoundError, PreconditionFailedError
from app.events.publishing import publish_config
from app.fields import MAX_ID
from app.maintenance.models import MaintenanceWindow
from app.maintenance.periods import plan
from app.maintenance.recurrence import Period
from app.maintenance.schemas import WindowIn, WindowOut, window_out

# Locked, so that none of them is deleted before the window that lists it is stored. In id order,
# as everywhere that several monitors are locked.
_FIND_MONITORS = text("""
    SELECT id FROM monitors WHERE id = ANY(CAST(:ids AS int[])) ORDER BY id FOR KEY SHARE
""")

_DROP_MONITORS = text("""
    DELETE FROM maintenance_monitors
    WHERE window_id = :id AND monitor_id <> ALL(CAST(:ids AS int[]))
""")

_ADD_MONITORS = text("""
    INSERT INTO maintenance_monitors (window_id, monitor_id)
    SELECT :id, unnest(CAST(:ids AS int[])) ON CONFLICT DO NOTHING
""")

# clock_timestamp(), so that a window that begins in this transaction counts as running.
_SHOWN = text("""
    SELECT v.id, p.starts_at, p.ends_at,
        coalesce(p.starts_at <= clock_timestamp(), false) AS running,
        ARRAY(SELECT monitor_id FROM maintenance_monitors WHERE window_id = v.id ORDER BY 1)
            AS monitors
    FROM unnest(CAST(:ids AS int[])) AS v (id) LEFT JOIN LATERAL (
        SELECT starts_at, ends_at FROM maintenance_periods
        WHERE window_id = v.id AND ends_at > clock_timestamp() ORDER BY starts_at LIMIT 1
    ) p ON true
""")


class WindowNotFoundError(NotFoundError):
    """There is no window with this id."""


async def find(
    session: AsyncSession,
    window_id: int,
    *,
    lock: bool = False,
    expected_version: int | None = None,
) -> MaintenanceWindow:
    """Return a window; with `lock`, no other transaction can change it before this one ends.

    Raises WindowNotFoundError, and PreconditionFailedError if the version is not
    `expected_version`.
    """
    window = None
    if 0 < window_id <= MAX_ID:
        query = select(MaintenanceWindow).where(MaintenanceWindow.id == window_id)
        window = await session.scalar(query.with_for_update() if lock else query)
    if window is None:
        raise WindowNotFoundError(f"There is no maintenance window {window_id}.")
    if expected_version is not None and window.version != expected_version:
        raise PreconditionFailedError("The window has changed in the meantime; read it again.")
    return window


async def create(
    session: AsyncSession, config: WindowIn, *, may_be_over: bool = False
) -> MaintenanceWindow:
    """Store a new window. Raises InvalidFieldError if it has ended, unless `may_be_over`."""
    await _check_monitors(session, config.monitors)
    window = MaintenanceWindow()
    _write(window, config)
    session.add(window)
    await session.flush()
    await session.refresh(window)
    await _set_monitors(session, window.id, config.monitors)
    periods = await plan(session, window)
    if not periods and not may_be_over:
        field = "recurrence.until" if config.recurrence else "ends_at"
        raise InvalidFieldError(field, "it would already have ended")
    await publish_config(session)
    return window


async def create_now(
    session: AsyncSession, monitor_id: int, name: str, length: timedelta
) -> MaintenanceWindow:
    """Store a window for one monitor, starting now by the database's clock."""
    now = (await session.scalars(select(func.clock_timestamp()))).one()
    config = WindowIn(name=name, monitors=[monitor_id], starts_at=now, ends_at=now + length)
    return await create(session, config)


async def change(session: AsyncSession, window: MaintenanceWindow, config: WindowIn) -> None:
    """Replace the configuration of a locked window; an equal one changes nothing.

    Raises InvalidFieldError.
    """
    await _check_monitors(session, config.monitors)
    before = (await shown(session, [window]))[0]
    _write(window, config)
    after = window_out(window, config.monitors, None, running=False)
    same = {"exclude": {"running", "period"}}
    if before.model_dump(**same) == after.model_dump(**same):  # type: ignore[arg-type]  # a set
        return
    window.version += 1
    await session.flush()
    await _set_monitors(session, window.id, config.monitors)
    await plan(session, window)
    await publish_config(session)


async def delete(
    session: AsyncSession, window_id: int, *, expected_version: int | None = None
) -> None:
    """Delete a window, which ends it if it is in progress. Raises what `find` does."""
    await session.delete(
        await find(session, window_id, lock=True, expected_version=expected_version)
    )
    await session.flush()
    await publish_config(session)


async def shown(session: AsyncSession, windows: Sequence[MaintenanceWindow]) -> list[WindowOut]:
    """Return windows as a client sees them: with their monitors and current or next period."""
    rows = await session.execute(_SHOWN, {"ids": [window.id for window in windows]})
    found = {row.id: row for row in rows}
    return [
        window_out(
            window,
            row.monitors,
            Period(row.starts_at, row.ends_at) if row.starts_at else None,
            running=row.running,
        )
        for window in windows
        for row in [found[window.id]]
    ]


def _write(window: MaintenanceWindow, config: WindowIn) -> None:
    window.name = config.name
    window.all_monitors = config.all
    window.groups, window.tags = config.groups, config.tags
    window.starts_at, window.ends_at = config.starts_at, config.ends_at
    recurrence = config.recurrence
    window.recurrence = recurrence.model_dump(mode="json") if recurrence else None


async def _check_monitors(session: AsyncSession, ids: Sequence[int]) -> None:
    known = set(await session.scalars(_FIND_MONITORS, {"ids": list(ids)})) if ids else set()
    if missing := sorted(set(ids) - known):
        numbers = ", ".join(str(number) for number in missing)
        raise InvalidFieldError("monitors", f"there is no monitor {numbers}")


async def _set_monitors(session: AsyncSession, window_id: int, ids: Sequence[int]) -> None:
    for statement in (_DROP_MONITORS, _ADD_MONITORS):
        await session.execute(statement, {"id": window_id, "ids": list(ids)})
