"""Carry out a plan in the caller's transaction: all of it or nothing."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels import service as channels
from app.channels.models import Channel
from app.channels.sealing import Sealer
from app.config_file.changes import Changes, describe
from app.config_file.document import Document
from app.config_file.faults import BadFileError, Fault
from app.config_file.plan import ChannelStep, MonitorStep, Plan, WindowStep, plan
from app.config_file.stored import load, load_at_once
from app.errors import InvalidFieldError
from app.maintenance import service as windows
from app.monitors import many
from app.monitors.many import Found
from app.monitors.schemas import MonitorIn

T = TypeVar("T")

# Monitors whose numbers one statement lists; PostgreSQL accepts at most 32,767.
PART = 1000

# Held until the transaction ends. Another apply has to wait, and so does any other request that
# adds, changes or deletes a monitor: it runs before or after, never in between. Checks continue:
# they write to other tables, and lock this table's rows in a mode that does not conflict.
_LOCK = text("LOCK TABLE monitors IN SHARE ROW EXCLUSIVE MODE")

# That does not keep a window from being changed, so the windows' rows are locked before they are
# compared: a change in progress is waited for, and a later one waits. Channels are not locked until
# they are changed, because deliveries would have to wait as well.
_LOCK_WINDOWS = text("SELECT FROM maintenance_windows ORDER BY id FOR UPDATE")

_BY_NAME = text("SELECT name, id FROM monitors WHERE name = ANY(CAST(:names AS text[]))")


async def difference(
    session: AsyncSession, document: Document, sealer: Sealer, *, prune: bool
) -> Changes:
    """Return what `apply` would do. Raises BadFileError."""
    stored = await load_at_once(session, sealer)
    # In a thread, because it may block the event loop for longer than other requests can wait.
    todo = await asyncio.to_thread(plan, document, stored, prune=prune)
    return describe(todo, stored)


async def apply(
    session: AsyncSession, document: Document, sealer: Sealer, *, prune: bool
) -> Changes:
    """Make the stored configuration match the file; return the changes that were necessary.

    Entries that do not differ keep their version, their state and the times of their checks. Raises
    BadFileError and ConflictError.
    """
    await session.execute(_LOCK)
    await session.execute(_LOCK_WINDOWS)
    stored = await load(session, sealer)
    todo = await asyncio.to_thread(plan, document, stored, prune=prune)
    changes = describe(todo, stored)
    if not todo.is_empty:
        await _carry_out(session, todo, sealer)
    return changes


async def _carry_out(session: AsyncSession, todo: Plan, sealer: Sealer) -> None:
    changed = [step for step in todo.monitors if step.before is not None]
    # All of them are locked before anything is written, in the order of their numbers, as they are
    # when results are stored.
    numbers = [step.before.monitor.id for step in changed if step.before is not None]
    numbers += [one.monitor.id for one in todo.dropped_monitors]
    found: dict[int, Found] = {}
    for ids in _parts(sorted(numbers)):
        found |= {monitor.id: (monitor, state) for monitor, state in await many.lock(session, ids)}
    await _channels(session, todo.channels, sealer)
    rows = await session.execute(select(Channel.name, Channel.id))
    by_name = {row.name: row.id for row in rows}
    # Not in parts: they are planned together, so that their checks do not form a burst.
    await _add(session, [step for step in todo.monitors if step.before is None], by_name)
    await _change(session, changed, found, by_name)
    await _windows(session, todo.windows)
    for one in todo.dropped_windows:
        await windows.delete(session, one.window.id)
    for dropped in _parts(todo.dropped_monitors):
        await many.delete(session, [found[one.monitor.id] for one in dropped])
    for channel in todo.dropped_channels:
        await channels.delete(session, channel.id)


async def _channels(session: AsyncSession, steps: Sequence[ChannelStep], sealer: Sealer) -> None:
    faults: list[Fault] = []
    for step in steps:
        try:
            if step.before is None:
                await channels.create(session, step.config, sealer)
                continue
            number, version = step.before.id, step.before.version
            # Read it again, because it may have been changed since it was compared.
            session.expire(step.before)
            channel = await channels.find(session, number, lock=True, expected_version=version)
            await channels.change(session, channel, step.config, sealer)
        except InvalidFieldError as error:
            faults.append(step.place.fault(error.detail, error.field))
    if faults:
        raise BadFileError(faults)


async def _add(
    session: AsyncSession, steps: Sequence[MonitorStep], by_name: Mapping[str, int]
) -> None:
    if not steps:
        return
    configs = [_numbered(step, by_name) for step in steps]
    found = await many.create(session, configs)
    paused = [one for one, step in zip(found, steps, strict=True) if step.paused]
    await many.pause(session, paused)


async def _change(
    session: AsyncSession,
    steps: Sequence[MonitorStep],
    found: Mapping[int, Found],
    by_name: Mapping[str, int],
) -> None:
    pairs = [(found[step.before.monitor.id], step) for step in steps if step.before is not None]
    changes = [(one, _numbered(step, by_name)) for one, step in pairs if step.config is not None]
    if changes:
        await many.change(session, changes)
    # After the change, which adds monitors to the schedule, so that paused ones stay out of it and
    # resumed ones are planned by their new configuration.
    await many.pause(session, [one for one, step in pairs if step.paused])
    await many.resume(session, [one for one, step in pairs if step.paused is False])


async def _windows(session: AsyncSession, steps: Sequence[WindowStep]) -> None:
    if not steps:
        return
    names = [name for step in steps for name in step.monitors]
    rows = await session.execute(_BY_NAME, {"names": sorted(set(names))})
    by_name = {row.name: row.id for row in rows}
    faults: list[Fault] = []
    for step in steps:
        numbers = sorted({by_name[name] for name in step.monitors})
        config = step.config.model_copy(update={"monitors": numbers})
        try:
            if step.before is None:
                await windows.create(session, config, may_be_over=True)
                continue
            number, version = step.before.window.id, step.before.window.version
            session.expire(step.before.window)
            window = await windows.find(session, number, lock=True, expected_version=version)
            await windows.change(session, window, config)
        except InvalidFieldError as error:
            faults.append(step.place.fault(error.detail, *error.field.split(".")))
    if faults:
        raise BadFileError(faults)


def _numbered(step: MonitorStep, by_name: Mapping[str, int]) -> MonitorIn:
    """Return the configuration with its channels' numbers."""
    assert step.config is not None
    names = step.channels
    numbers = None if names is None else sorted({by_name[name] for name in names})
    return step.config.model_copy(update={"channel_ids": numbers})


def _parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(whole), PART):
        yield whole[start : start + PART]
