"""Plan the steps that make the stored configuration match a file."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from app.channels.models import Channel
from app.channels.schemas import ChannelIn
from app.config_file.document import ChannelEntry, Document, MonitorEntry, Place, WindowEntry
from app.config_file.faults import BadFileError, Fault
from app.config_file.stored import Stored, StoredMonitor, StoredWindow, repeated, shown_url
from app.errors import InvalidFieldError
from app.maintenance.schemas import WindowIn
from app.monitors.configuration import with_secrets
from app.monitors.models import Monitor
from app.monitors.schemas import MonitorIn
from app.probing.headers import MASK

Entry = TypeVar("Entry", ChannelEntry, MonitorEntry, WindowEntry)
Present = TypeVar("Present", Channel, StoredMonitor, StoredWindow)


class MonitorStep(NamedTuple):
    """A monitor to be added (`before` None), or changed. `channels`: names, or None for all.

    `config` None: the monitor is only paused or resumed. `paused` None: that does not change.
    """

    place: Place
    before: StoredMonitor | None
    config: MonitorIn | None
    channels: list[str] | None
    paused: bool | None


class ChannelStep(NamedTuple):
    """A channel to be added (`before` None), or changed."""

    place: Place
    before: Channel | None
    config: ChannelIn


class WindowStep(NamedTuple):
    """A maintenance window to be added (`before` None), or changed; `monitors`: names."""

    place: Place
    before: StoredWindow | None
    config: WindowIn
    monitors: list[str]


class Plan(NamedTuple):
    """The steps to take. `kept`: entries that the file lacks and that are not to be deleted."""

    channels: list[ChannelStep]
    monitors: list[MonitorStep]
    windows: list[WindowStep]
    dropped_channels: list[Channel]
    dropped_monitors: list[StoredMonitor]
    dropped_windows: list[StoredWindow]
    kept: list[Channel | StoredMonitor | StoredWindow]

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not any(self[:-1])


def plan(document: Document, stored: Stored, *, prune: bool = False) -> Plan:
    """Return what to do; `prune`: delete what the file's sections lack.

    Raises BadFileError for entries that do not fit the stored configuration.
    """
    return _Planning(stored, prune=prune).plan(document)


class _Planning:
    def __init__(self, stored: Stored, *, prune: bool) -> None:
        self.stored = stored
        self.prune = prune
        self.faults: list[Fault] = []

    def plan(self, document: Document) -> Plan:
        stored = self.stored
        numbers = [one.id for one in stored.channels]
        channels, other_channels = self._pair(document.channels, stored.channels, numbers)
        numbers = [one.monitor.id for one in stored.monitors]
        monitors, other_monitors = self._pair(document.monitors, stored.monitors, numbers)
        numbers = [one.window.id for one in stored.windows]
        windows, other_windows = self._pair(document.windows, stored.windows, numbers)
        # Entries that are not in the file's section. If the file lacks the section, they are kept.
        surplus_channels = other_channels if document.channels is not None else []
        surplus_monitors = other_monitors if document.monitors is not None else []
        surplus_windows = other_windows if document.windows is not None else []
        # By their new names, because channels are changed before monitors, and monitors before
        # windows. 0: still to be added.
        ids = {entry.config.name: channel.id if channel else 0 for entry, channel in channels}
        named = {entry.config.name: one.monitor.id if one else 0 for entry, one in monitors}
        if not (self.prune and surplus_channels):
            ids |= {channel.name: channel.id for channel in other_channels}
        if not (self.prune and surplus_monitors):
            named |= {one.name: one.monitor.id for one in other_monitors}
        channel_steps = [made for pair in channels if (made := self._channel(*pair))]
        monitor_steps = [step for pair in monitors if (step := self._monitor(*pair, ids))]
        window_steps = [window for pair in windows if (window := self._window(*pair, named))]
        if self.faults:
            raise BadFileError(self.faults)
        steps = (channel_steps, monitor_steps, window_steps)
        if self.prune:
            return Plan(*steps, surplus_channels, surplus_monitors, surplus_windows, [])
        return Plan(*steps, [], [], [], [*surplus_channels, *surplus_monitors, *surplus_windows])

    def _pair(
        self, entries: Sequence[Entry] | None, stored: Sequence[Present], ids: Iterable[int]
    ) -> tuple[list[tuple[Entry, Present | None]], list[Present]]:
        """Return the file's entries with their stored counterparts, and those the file lacks."""
        by_name = {one.name: one for one in stored}
        twins = repeated(zip((one.name for one in stored), ids, strict=True))
        pairs: list[tuple[Entry, Present | None]] = []
        found: set[int] = set()
        for entry in entries or ():
            name, old = entry.config.name, entry.extra.renamed_from
            if name not in by_name and old in by_name:
                name = old
            if name in twins:
                numbers = ", ".join(map(str, twins[name]))
                detail = f"several have the name {name}: {numbers}; rename them first"
                self.faults.append(entry.place.fault(detail, "name"))
                continue
            present = by_name.get(name)
            found.add(id(present))
            pairs.append((entry, present))
        return pairs, [one for one in stored if id(one) not in found]

    def _channel(self, entry: ChannelEntry, before: Channel | None) -> ChannelStep | None:
        config, place = entry.config, entry.place
        if before is None:
            if entry.keeps_secret:
                field = "secret" if config.kind == "webhook" else "url"
                detail = f"{MASK} stands for a stored value, and there is none; give the value"
                self.faults.append(place.fault(detail, field))
                return None
            return ChannelStep(place, None, config)
        if config.kind != before.kind:
            detail = f"the kind, {before.kind}, can't be changed; give the new channel another name"
            self.faults.append(place.fault(detail, "kind"))
            return None
        if entry.keeps_secret and config.kind == "apprise":
            if config.url != shown_url(before):
                detail = "to change the service, give the whole URL"
                self.faults.append(place.fault(detail, "url"))
                return None
            config = config.model_copy(update={"url": before.url})
        if config.kind == "webhook" and config.url != before.url and config.secret is None:
            # The same rule as in app.channels.service.change, with the line, and for diffs too.
            self.faults.append(place.fault("a new URL needs the secret too; give both", "secret"))
            return None
        sealer = self.stored.sealer
        same_secret = config.secret is None or sealer.holds(before.secret, config.secret)
        if (config.name, config.url) == (before.name, before.url) and same_secret:
            return None
        return ChannelStep(place, before, config)

    def _monitor(
        self,
        entry: MonitorEntry,
        before: StoredMonitor | None,
        ids: Mapping[str, int],
    ) -> MonitorStep | None:
        place, extra = entry.place, entry.extra
        if before is not None and entry.config.kind != before.monitor.kind:
            kind = before.monitor.kind
            detail = f"the kind, {kind}, can't be changed; give the new monitor another name"
            self.faults.append(place.fault(detail, "kind"))
            return None
        self._check_known(place, "channels", extra.channels or (), ids)
        try:
            config = with_secrets(entry.config, before.monitor if before else Monitor())
        except InvalidFieldError as error:
            self.faults.append(place.fault(error.detail, error.field))
            return None
        if before is None:
            paused = True if extra.paused else None
            return MonitorStep(place, None, config, extra.channels, paused)
        told = None
        if extra.channels is not None:
            told = sorted({ids.get(name, 0) for name in extra.channels})
        changed = config.model_copy(update={"channel_ids": told}) != before.config()
        paused = None if extra.paused in (None, before.paused) else extra.paused
        if not changed and paused is None:
            return None
        return MonitorStep(place, before, config if changed else None, extra.channels, paused)

    def _window(
        self, entry: WindowEntry, before: StoredWindow | None, named: Mapping[str, int]
    ) -> WindowStep | None:
        config, place, monitors = entry.config, entry.place, entry.extra.monitors
        if before is None and config.ends_at is not None and config.ends_at <= self.stored.now:
            # The window has ended; it may still be in the file for some time.
            return None
        self._check_known(place, "monitors", monitors, named)
        numbers = sorted({named.get(name, 0) for name in monitors})
        if (
            before is not None
            and config.model_copy(update={"monitors": numbers}) == before.config()
        ):
            return None
        return WindowStep(place, before, config, monitors)

    def _check_known(
        self, place: Place, field: str, names: Sequence[str], known: Mapping[str, int]
    ) -> None:
        for number, name in enumerate(names):
            if name not in known:
                detail = f"there is no {field.removesuffix('s')} {name}"
                self.faults.append(place.fault(detail, field, number))
