"""Load the stored configuration, with the names that a file has instead of numbers."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.models import Channel
from app.channels.sealing import Sealer
from app.channels.subscriptions import channel_ids
from app.maintenance.models import MaintenanceMonitor, MaintenanceWindow
from app.maintenance.schemas import WindowIn
from app.monitors.configuration import config_of
from app.monitors.models import Monitor, State
from app.monitors.schemas import MONITOR_IN, MonitorIn

PART = 500
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class StoredMonitor(NamedTuple):
    """A monitor; `channel_ids` None: it notifies all channels."""

    monitor: Monitor
    paused: bool
    channel_ids: list[int] | None

    @property
    def name(self) -> str:
        """Return what a file knows it by."""
        return self.monitor.name

    def config(self) -> MonitorIn | None:
        """Return its configuration; None if another version of the program wrote it."""
        try:
            return MONITOR_IN.validate_python(config_of(self.monitor, self.channel_ids))
        except ValidationError:
            # None equals nothing in a file, and makes an export fail.
            return None


class StoredWindow(NamedTuple):
    """A maintenance window, and the numbers of the monitors that it names."""

    window: MaintenanceWindow
    monitor_ids: list[int]

    @property
    def name(self) -> str:
        """Return what a file knows it by."""
        return self.window.name

    def config(self) -> WindowIn | None:
        """Return its configuration; None if another version of the program wrote it."""
        window = self.window
        values = {
            "name": window.name,
            "all": window.all_monitors,
            "groups": window.groups,
            "tags": window.tags,
            "monitors": self.monitor_ids,
            "recurrence": window.recurrence,
            "starts_at": window.starts_at,
            "ends_at": window.ends_at,
        }
        try:
            return WindowIn.model_validate(values)
        except ValidationError:
            # The same as for a monitor.
            return None


class Stored(NamedTuple):
    """All of it, oldest first, and the database's time. Windows that are over are history.

    `sealer` opens the channels' secrets.
    """

    channels: list[Channel]
    monitors: list[StoredMonitor]
    windows: list[StoredWindow]
    now: datetime
    sealer: Sealer


async def load_at_once(session: AsyncSession, sealer: Sealer) -> Stored:
    """Return the whole configuration as of one moment, however long it takes to read.

    Call it first in a transaction: otherwise a monitor may name a channel that was not read.
    """
    await session.execute(_ONE_MOMENT)
    return await load(session, sealer)


async def load(session: AsyncSession, sealer: Sealer) -> Stored:
    """Return the whole configuration, which is small compared with the results stored for it.

    For callers that have locked the table of monitors: each statement sees its own moment.
    """
    now = (await session.scalars(select(func.now()))).one()
    channels = await session.scalars(select(Channel).order_by(Channel.id))
    monitors: list[StoredMonitor] = []
    part = await _monitors(session, 0)
    while part:
        monitors += part
        part = await _monitors(session, part[-1].monitor.id)
    return Stored(list(channels), monitors, await _windows(session), now, sealer)


async def _monitors(session: AsyncSession, after: int) -> list[StoredMonitor]:
    """Return one part, because building all monitors at once would block the process."""
    query = (
        select(Monitor, State.state)
        .join(State, State.monitor_id == Monitor.id)
        .where(Monitor.id > after)
        .order_by(Monitor.id)
        .limit(PART)
    )
    rows = (await session.execute(query)).all()
    told = await channel_ids(session, [monitor.id for monitor, _ in rows])
    return [
        StoredMonitor(monitor, state == "paused", told.get(monitor.id)) for monitor, state in rows
    ]


async def _windows(session: AsyncSession) -> list[StoredWindow]:
    named: dict[int, list[int]] = {}
    pairs = select(MaintenanceMonitor.window_id, MaintenanceMonitor.monitor_id)
    for window_id, monitor_id in await session.execute(pairs.order_by(text("1, 2"))):
        named.setdefault(window_id, []).append(monitor_id)
    to_come = or_(MaintenanceWindow.ends_at.is_(None), MaintenanceWindow.ends_at > func.now())
    query = select(MaintenanceWindow).where(to_come).order_by(MaintenanceWindow.id)
    windows = await session.scalars(query)
    return [StoredWindow(window, named.get(window.id, [])) for window in windows]


def repeated(names: Iterable[tuple[str, int]]) -> Mapping[str, list[int]]:
    """Return the names used more than once, with their numbers: a file can't hold those."""
    numbers: dict[str, list[int]] = {}
    for name, number in names:
        numbers.setdefault(name, []).append(number)
    return {name: which for name, which in numbers.items() if len(which) > 1}


def shown_url(channel: Channel | Any) -> str:
    """Return a channel's URL without the passwords that an Apprise URL contains."""
    url: str = channel.url
    return url if channel.kind == "webhook" else f"{url.partition('://')[0]}://***"
