"""Describe a plan for the API, and for a user at a terminal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.channels.models import Channel
from app.channels.sealing import Sealer
from app.config_file.plan import ChannelStep, MonitorStep, Plan, WindowStep
from app.config_file.stored import Stored, StoredMonitor, StoredWindow, shown_url
from app.fields import as_line
from app.maintenance.schemas import WindowIn
from app.monitors.schemas import MonitorIn
from app.probing.headers import MASK, mask_headers

# Characters of a value, and names in one line, at a terminal.
MAX_VALUE = 70
MAX_NAMES = 10

What = Literal["monitor", "channel", "window"]


class FieldChange(BaseModel):
    """A field that differs. Secret values are *** on both sides."""

    field: str = Field(examples=["interval_seconds"])
    before: Any = Field(examples=[60])
    after: Any = Field(examples=[30])


class Change(BaseModel):
    """A change to a monitor, a channel or a maintenance window."""

    action: Literal["add", "change", "delete"]
    what: What
    name: str = Field(examples=["Shop"])
    kind: str = Field(examples=["http"])
    fields: list[FieldChange] = Field(default_factory=list)


class Kept(BaseModel):
    """A stored entry that is not in the file."""

    what: What
    name: str = Field(examples=["Shop"])


class Changes(BaseModel):
    """The differences between a file and the stored configuration; `changes` may be empty."""

    changes: list[Change]
    kept: list[Kept] = Field(description="Deleted only with `prune`.")

    def count(self, action: str) -> int:
        """Return the number of changes with this action."""
        return sum(change.action == action for change in self.changes)


def describe(plan: Plan, stored: Stored) -> Changes:
    """Return the changes of a plan. Call this before the plan is carried out."""
    names = {channel.id: channel.name for channel in stored.channels}
    monitors = {one.monitor.id: one.name for one in stored.monitors}
    changes = [
        *(_channel(step, stored.sealer) for step in plan.channels),
        *(_monitor(step, names) for step in plan.monitors),
        *(_window(step, monitors) for step in plan.windows),
        *(
            Change(action="delete", what="window", name=one.name, kind=_times(one.config()))
            for one in plan.dropped_windows
        ),
        *(
            Change(action="delete", what="monitor", name=one.name, kind=one.monitor.kind)
            for one in plan.dropped_monitors
        ),
        *(
            Change(action="delete", what="channel", name=channel.name, kind=channel.kind)
            for channel in plan.dropped_channels
        ),
    ]
    kept = [Kept(what=_what(one), name=one.name) for one in plan.kept]
    return Changes(changes=changes, kept=kept)


def lines(changes: Changes, *, done: bool) -> Iterator[str]:
    """Yield the changes as lines for a terminal; `done`: they have been made."""
    for change in changes.changes:
        sign = {"add": "+", "change": "~", "delete": "-"}[change.action]
        yield f"{sign} {change.what} {change.name} ({change.kind})"
        for field in change.fields:
            yield f"    {field.field}: {_short(field.before)} -> {_short(field.after)}"
    if changes.kept:
        names = [f"{one.what} {one.name}" for one in changes.kept]
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        yield f"Kept although they are not in the file: {', '.join(names[:MAX_NAMES])}{more}."
        yield "--prune deletes them with all their data."
    if not changes.changes:
        yield "No differences."
        return
    counts = [(changes.count(action), action) for action in ("add", "change", "delete")]
    past = {"add": "added", "change": "changed", "delete": "deleted"}
    words = (f"{count} {past[action] if done else 'to ' + action}" for count, action in counts)
    yield ", ".join(words) + "."


def _channel(step: ChannelStep, sealer: Sealer) -> Change:
    config, before = step.config, step.before
    if before is None:
        return Change(action="add", what="channel", name=config.name, kind=config.kind)
    fields = []
    if config.name != before.name:
        fields.append(FieldChange(field="name", before=before.name, after=config.name))
    if config.url != before.url:
        urls = (shown_url(before), shown_url(config))
        fields.append(FieldChange(field="url", before=urls[0], after=urls[1]))
    if config.secret is not None and not sealer.holds(before.secret, config.secret):
        fields.append(FieldChange(field="secret", before=MASK, after=MASK))
    return Change(
        action="change", what="channel", name=config.name, kind=config.kind, fields=fields
    )


def _monitor(step: MonitorStep, names: Mapping[int, str]) -> Change:
    name = step.place.values["name"]
    if step.before is None:
        assert step.config is not None
        return Change(action="add", what="monitor", name=name, kind=step.config.kind)
    fields: list[FieldChange] = []
    if step.config is not None:
        before = _fields(step.before.config())
        after = _fields(step.config)
        ids = step.before.channel_ids
        before["channels"] = None if ids is None else sorted(names[number] for number in ids)
        after["channels"] = None if step.channels is None else sorted(set(step.channels))
        fields = list(_differences(before, after))
    if step.paused is not None:
        fields.append(FieldChange(field="paused", before=step.before.paused, after=step.paused))
    return Change(
        action="change", what="monitor", name=name, kind=step.before.monitor.kind, fields=fields
    )


def _window(step: WindowStep, names: Mapping[int, str]) -> Change:
    name, kind = step.config.name, _times(step.config)
    if step.before is None:
        return Change(action="add", what="window", name=name, kind=kind)
    config = step.before.config()
    before, after = _fields(config), _fields(step.config)
    before["monitors"] = sorted(names[number] for number in step.before.monitor_ids)
    after["monitors"] = sorted(set(step.monitors))
    fields = list(_differences(before, after))
    return Change(action="change", what="window", name=name, kind=kind, fields=fields)


def _times(config: WindowIn | None) -> str:
    return "recurring" if config is not None and config.recurrence else "once"


def _what(one: Channel | StoredMonitor | StoredWindow) -> What:
    if isinstance(one, StoredWindow):
        return "window"
    return "monitor" if isinstance(one, StoredMonitor) else "channel"


def _fields(config: MonitorIn | WindowIn | None) -> dict[str, Any]:
    """Return a configuration's fields; those of a nested object under dotted names."""
    if config is None:
        return {}
    fields: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json", exclude={"channel_ids", "monitors"}).items():
        if isinstance(value, dict):
            fields |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            fields[name] = value
    return fields


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldChange]:
    for field in dict.fromkeys([*before, *after]):
        old, new = before.get(field), after.get(field)
        if old != new:
            yield FieldChange(field=field, before=_hidden(field, old), after=_hidden(field, new))


def _hidden(field: str, value: Any) -> Any:
    prefix, _, name = field.partition("headers.")
    return mask_headers({name: value})[name] if value is not None and name and not prefix else value


def _short(value: Any) -> str:
    text = as_line(json.dumps(value, ensure_ascii=False), MAX_VALUE + 1) or ""
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
