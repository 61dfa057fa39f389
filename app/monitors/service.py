"""Create, change, pause, resume and delete monitors. The caller commits."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.subscriptions import channel_ids, lock_channels
from app.errors import InvalidFieldError, PreconditionFailedError
from app.fields import MAX_ID
from app.monitors import many
from app.monitors.configuration import config_of, shown_config, with_secrets
from app.monitors.errors import MonitorNotFoundError
from app.monitors.many import Found
from app.monitors.models import Monitor, State
from app.monitors.schemas import MONITOR_IN, MonitorIn


async def find(session: AsyncSession, monitor_id: int, *, lock: bool = False) -> Found:
    """Return a monitor and its state; with `lock`, no other transaction can change them.

    Raises MonitorNotFoundError.
    """
    if not 0 < monitor_id <= MAX_ID:
        raise MonitorNotFoundError(monitor_id)
    query = (
        select(Monitor, State)
        .join(State, State.monitor_id == Monitor.id)
        .where(Monitor.id == monitor_id)
    )
    if lock:
        # This must not block transactions that only refer to the monitor: one that stores an
        # incident holds the state's row already, and the two would wait for each other.
        query = query.with_for_update(key_share=True)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise MonitorNotFoundError(monitor_id)
    monitor, state = row
    return monitor, state


async def create(session: AsyncSession, config: MonitorIn) -> Found:
    """Add a monitor. It is pending until its first check. Raises InvalidFieldError."""
    known = await lock_channels(session, config.channel_ids or ())
    [created] = await many.add(session, [(many.new(config, known), config)])
    return created


async def change(
    session: AsyncSession,
    monitor_id: int,
    config: MonitorIn,
    *,
    expected_version: int | None = None,
) -> Found:
    """Replace a monitor's configuration; an equal one changes nothing.

    Raises MonitorNotFoundError, InvalidFieldError if the kind differs, PreconditionFailedError.
    """
    monitor, state = await _locked(session, monitor_id, expected_version)
    return await _change(session, monitor, state, config)


async def patch(
    session: AsyncSession,
    monitor_id: int,
    changes: dict[str, Any],
    *,
    expected_version: int | None = None,
) -> Found:
    """Change only the named fields of a monitor's configuration, otherwise as `change` does.

    Also raises pydantic.ValidationError if the result is not a valid configuration.
    """
    monitor, state = await _locked(session, monitor_id, expected_version)
    # The changes apply to what the client sees, with the values of secret headers masked.
    before = shown_config(monitor, (await channel_ids(session, [monitor_id]))[monitor_id])
    config = MONITOR_IN.validate_python(before | changes)
    return await _change(session, monitor, state, config)


async def delete(
    session: AsyncSession, monitor_id: int, *, expected_version: int | None = None
) -> None:
    """Delete a monitor and its data.

    Raises MonitorNotFoundError, PreconditionFailedError.
    """
    await many.delete(session, [await _locked(session, monitor_id, expected_version)])


async def pause(
    session: AsyncSession, monitor_id: int, *, expected_version: int | None = None
) -> Found:
    """Stop checking a monitor. Pausing it again changes nothing.

    Raises MonitorNotFoundError, PreconditionFailedError.
    """
    found = await _locked(session, monitor_id, expected_version)
    await many.pause(session, [found])
    await _refresh(session, *found)
    return found


async def resume(
    session: AsyncSession, monitor_id: int, *, expected_version: int | None = None
) -> Found:
    """Resume checking a paused monitor. A monitor that is not paused stays as it is.

    Raises MonitorNotFoundError, PreconditionFailedError.
    """
    found = await _locked(session, monitor_id, expected_version)
    await many.resume(session, [found])
    await _refresh(session, *found)
    return found


async def _locked(session: AsyncSession, monitor_id: int, expected_version: int | None) -> Found:
    monitor, state = await find(session, monitor_id, lock=True)
    if expected_version not in (None, monitor.version):
        raise PreconditionFailedError(
            f"Monitor {monitor_id} has been changed: it is at version {monitor.version}."
        )
    return monitor, state


async def _change(
    session: AsyncSession, monitor: Monitor, state: State, config: MonitorIn
) -> Found:
    if config.kind != monitor.kind:
        raise InvalidFieldError("kind", "a monitor's kind can't be changed; create a new monitor")
    config = with_secrets(config, monitor)
    if config == await _present(session, monitor):
        return monitor, state
    await many.change(session, [((monitor, state), config)])
    await _refresh(session, monitor, state)
    return monitor, state


async def _present(session: AsyncSession, monitor: Monitor) -> MonitorIn | None:
    channels = await channel_ids(session, [monitor.id])
    try:
        return MONITOR_IN.validate_python(config_of(monitor, channels[monitor.id]))
    except ValidationError:
        # Another version of the program wrote it.
        return None


async def _refresh(session: AsyncSession, monitor: Monitor, state: State) -> None:
    await session.refresh(monitor)
    await session.refresh(state)
