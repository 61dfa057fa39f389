"""Create, change and delete many monitors at once, with as many statements as for one.

The monitors are locked in id order, as they are where results are stored, so no two transactions
wait for each other. The caller commits.
"""

import secrets
from collections.abc import Sequence
from itertools import chain

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.subscriptions import (
    add_channels,
    check_known,
    lock_channels,
    set_channels,
)
from app.checks import schedule
from app.errors import InvalidFieldError
from app.events.publishing import publish_config
from app.monitors.configuration import apply_config
from app.monitors.models import Monitor, State
from app.monitors.schemas import MonitorIn

Found = tuple[Monitor, State]


async def lock(session: AsyncSession, ids: Sequence[int]) -> list[Found]:
    """Lock the monitors that exist against changes by other transactions; return them in order."""
    query = (
        select(Monitor, State)
        .join(State, State.monitor_id == Monitor.id)
        .where(Monitor.id.in_(ids))
        .order_by(Monitor.id)
        .with_for_update(key_share=True)
    )
    return [(monitor, state) for monitor, state in await session.execute(query)]


def new(config: MonitorIn, known_channels: set[int]) -> Monitor:
    """Return a new monitor, not stored yet. Raises InvalidFieldError."""
    check_known(config.channel_ids or (), known_channels)
    monitor = Monitor(all_channels=config.channel_ids is None)
    apply_config(monitor, config)
    if config.kind == "heartbeat":
        monitor.token = secrets.token_urlsafe(24)
    return monitor


async def create(session: AsyncSession, configs: Sequence[MonitorIn]) -> list[Found]:
    """Add monitors, all or none. Raises InvalidFieldError, which says which monitor it is about."""
    named = chain.from_iterable(config.channel_ids or () for config in configs)
    known = await lock_channels(session, named)
    created = []
    for number, config in enumerate(configs):
        try:
            created.append((new(config, known), config))
        except InvalidFieldError as error:
            raise InvalidFieldError(f"monitors.{number}.{error.field}", error.detail) from None
    return await add(session, created)


async def add(session: AsyncSession, created: Sequence[tuple[Monitor, MonitorIn]]) -> list[Found]:
    """Store new monitors with their channels, which must be locked; return them with states."""
    session.add_all(monitor for monitor, _ in created)
    await session.flush()
    told = [
        (monitor.id, channel_id)
        for monitor, config in created
        for channel_id in config.channel_ids or ()
    ]
    await add_channels(session, told)
    found = [(monitor, State(monitor_id=monitor.id)) for monitor, _ in created]
    session.add_all(state for _, state in found)
    await session.flush()
    ids = [monitor.id for monitor, _ in created]
    # Last, so that claims find the rows soon after the time that is written into them.
    await schedule.add(session, ids)
    await _publish(session, ids)
    return found


async def change(session: AsyncSession, changes: Sequence[tuple[Found, MonitorIn]]) -> None:
    """Give locked monitors new configurations, and have them checked accordingly.

    The caller leaves out unchanged monitors, because checks in progress are repeated. Raises
    InvalidFieldError.
    """
    named = chain.from_iterable(config.channel_ids or () for _, config in changes)
    known = await lock_channels(session, named)
    # A value rather than an expression, because rows of plain values are sent in one batch.
    now = await session.scalar(select(func.now()))
    assert now is not None
    for (monitor, _), config in changes:
        check_known(config.channel_ids or (), known)
        apply_config(monitor, config)
        monitor.all_channels = config.channel_ids is None
        monitor.version += 1
        monitor.updated_at = now
    await session.flush()
    await set_channels(
        session, {monitor.id: config.channel_ids or [] for (monitor, _), config in changes}
    )
    checked = [monitor.id for (monitor, state), _ in changes if state.state != "paused"]
    await schedule.plan(session, checked)
    await _publish(session, [monitor.id for (monitor, _), _ in changes])


async def _publish(session: AsyncSession, ids: Sequence[int]) -> None:
    """Publish one event that configurations have changed, however many."""
    if ids:
        await publish_config(session, ids[0] if len(ids) == 1 else None)
