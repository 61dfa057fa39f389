"""Create, change and delete many monitors at once, with as many statements as for one.

The monitors are locked in id order, as they are where results are stored, so no two transactions
wait for each other. The caller commits.
"""

import json
import secrets
from collections.abc import Sequence
from itertools import chain

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.subscriptions import (
    add_channels,
    check_known,
    lock_channels,
    set_channels,
)
from app.checks import location_schedule, schedule, sums
from app.checks.switching import switch_of
from app.errors import InvalidFieldError
from app.events.publishing import publish, publish_config, state_event
from app.incidents.transitions import close_silently
from app.monitors.configuration import apply_config
from app.monitors.models import Monitor, State
from app.monitors.schemas import MAX_TAGS, MonitorIn
from app.notifications.outbox import withdraw

Found = tuple[Monitor, State]

_ENTER = text("""
    UPDATE states SET state = :state, failures = 0, since = now()
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
    RETURNING monitor_id, since
""")

_TAG = text("""
    UPDATE monitors m
    SET tags = v.tags, version = m.version + 1, updated_at = now()
    FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS v (id int, tags text[])
    WHERE m.id = v.id
""")


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
    # A window in progress may apply to them.
    entered = (await switch_of(session, ids)).entered
    for monitor, state in found:
        if monitor.id in entered:
            await session.refresh(state)
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
    moved = []
    for (monitor, _), config in changes:
        check_known(config.channel_ids or (), known)
        locations = monitor.locations
        apply_config(monitor, config)
        if monitor.locations != locations:
            moved.append(monitor.id)
        monitor.all_channels = config.channel_ids is None
        monitor.version += 1
        monitor.updated_at = now
    await session.flush()
    await set_channels(
        session, {monitor.id: config.channel_ids or [] for (monitor, _), config in changes}
    )
    # The group or the tags may have changed, and so which windows apply.
    await switch_of(session, [monitor.id for (monitor, _), _ in changes])
    if moved:
        await location_schedule.follow(session, moved)
    checked = [monitor.id for (monitor, state), _ in changes if state.state != "paused"]
    await schedule.plan(session, checked)
    await _publish(session, [monitor.id for (monitor, _), _ in changes])


async def delete(session: AsyncSession, found: Sequence[Found]) -> list[int]:
    """Delete monitors and everything stored about them; return their ids.

    Only individual check results stay. They expire with their day, and no id is ever reused.
    """
    ids = [monitor.id for monitor, _ in found]
    await withdraw(session, ids)
    await session.execute(delete_from(Monitor).where(Monitor.id.in_(ids)))
    await sums.forget(session, ids)
    await _publish(session, ids)
    return ids


async def pause(session: AsyncSession, found: Sequence[Found]) -> list[int]:
    """Stop checking monitors; return the ids of those that were not paused before."""
    ids = [monitor.id for monitor, state in found if state.state != "paused"]
    if ids:
        await sums.settle(session, ids)
        await schedule.suspend(session, ids)
        await close_silently(session, ids)
        await _enter(session, found, ids, "paused")
    return ids


async def resume(session: AsyncSession, found: Sequence[Found]) -> list[int]:
    """Resume checking monitors; return the ids of those that were paused."""
    ids = [monitor.id for monitor, state in found if state.state == "paused"]
    if ids:
        await _enter(session, found, ids, "pending")
        await switch_of(session, ids)
        await schedule.plan(session, ids, anew=True)
    return ids


async def tag(
    session: AsyncSession, found: Sequence[Found], add: Sequence[str], remove: Sequence[str]
) -> list[int]:
    """Add tags to monitors and remove others; return the ids of the monitors that change.

    Raises InvalidFieldError if a monitor would have too many tags.
    """
    changes: dict[int, list[str]] = {}
    for monitor, _ in found:
        kept = [tag for tag in monitor.tags if tag not in remove]
        tags = kept + [tag for tag in add if tag not in kept]
        if len(tags) > MAX_TAGS:
            detail = f"monitor {monitor.id} would have {len(tags)} tags; the limit is {MAX_TAGS}"
            raise InvalidFieldError("add_tags", detail)
        if tags != monitor.tags:
            changes[monitor.id] = tags
    ids = list(changes)
    if ids:
        rows = [{"id": monitor_id, "tags": tags} for monitor_id, tags in changes.items()]
        await session.execute(_TAG, {"changes": json.dumps(rows)})
        await switch_of(session, ids)
        # Results for the previous version do not count, so a check in progress is repeated.
        await schedule.plan(session, ids, claimed=True)
        await _publish(session, ids)
    return ids


async def _enter(
    session: AsyncSession, found: Sequence[Found], ids: Sequence[int], state: str
) -> None:
    names = {monitor.id: monitor.name for monitor, _ in found}
    rows = await session.execute(_ENTER, {"state": state, "ids": list(ids)})
    await publish(
        session,
        [
            state_event(row.monitor_id, names[row.monitor_id], state, row.since, None)
            for row in rows
        ],
    )
    await _publish(session, ids)


async def _publish(session: AsyncSession, ids: Sequence[int]) -> None:
    """Publish one event that configurations have changed, however many."""
    if ids:
        await publish_config(session, ids[0] if len(ids) == 1 else None)
