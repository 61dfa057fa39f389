"""Export the configuration as a file: values other than the defaults, in a stable order."""

from functools import cache
from typing import Any

from app.channels.models import Channel
from app.channels.sealing import CannotOpen, Sealer
from app.config_file.document import VERSION
from app.config_file.stored import (
    Stored,
    StoredMonitor,
    StoredWindow,
    repeated,
    shown_url,
)
from app.config_file.writing import write_yaml
from app.errors import ConflictError
from app.maintenance.schemas import WindowIn
from app.monitors.schemas import MonitorCommon, Probed
from app.probing.headers import MASK, mask_headers

# Names in one sentence.
MAX_NAMES = 10


def export(stored: Stored, *, secrets: bool = False) -> str:
    """Return the file. Without `secrets`, *** stands for each: applied, it keeps what is stored.

    With them it stands for those that can't be opened, which `closed` names. Raises ConflictError
    where names can't tell monitors or channels apart.
    """
    _check_names("monitors", [(one.name, one.monitor.id) for one in stored.monitors])
    _check_names("channels", [(channel.name, channel.id) for channel in stored.channels])
    _check_names("maintenance windows", [(one.name, one.window.id) for one in stored.windows])
    names = {channel.id: channel.name for channel in stored.channels}
    monitors = {one.monitor.id: one.name for one in stored.monitors}
    document = {
        "version": VERSION,
        "channels": [
            _channel(channel, stored.sealer if secrets else None) for channel in stored.channels
        ],
        "monitors": [_monitor(one, names, secrets=secrets) for one in stored.monitors],
        "maintenance": [_window(one, monitors) for one in stored.windows],
    }
    return write_yaml(document)


def closed(stored: Stored) -> list[str]:
    """Return the names of the channels whose secret can't be opened."""
    return [
        channel.name
        for channel in stored.channels
        if channel.secret is not None and _opened(channel.secret, stored.sealer) is None
    ]


def _check_names(what: str, names: list[tuple[str, int]]) -> None:
    if twins := repeated(names):
        shown = [f"{name} ({', '.join(map(str, ids))})" for name, ids in twins.items()]
        more = f" and {len(shown) - MAX_NAMES} more" if len(shown) > MAX_NAMES else ""
        raise ConflictError(
            f"Names of {what} must be distinct in a file, and some are not: "
            f"{', '.join(shown[:MAX_NAMES])}{more}. Rename them first."
        )


def _channel(channel: Channel, sealer: Sealer | None) -> dict[str, Any]:
    """Return a channel; without a sealer, without what is secret of it."""
    url = channel.url if sealer else shown_url(channel)
    values = {"name": channel.name, "kind": channel.kind, "url": url}
    if channel.secret is not None:
        values["secret"] = (sealer and _opened(channel.secret, sealer)) or MASK
    return values


def _opened(secret: str, sealer: Sealer) -> str | None:
    try:
        return sealer.open(secret)
    except CannotOpen:
        return None


@cache
def _fields(model: type[MonitorCommon]) -> list[str]:
    """Return the fields in the most readable order: those that all kinds have come last."""
    common = list(MonitorCommon.model_fields)
    probed = [field for field in Probed.model_fields if field not in common]
    own = [field for field in model.model_fields if field not in {*common, *probed}]
    return list(dict.fromkeys(["name", "kind", *own, *probed, *common]))


def _monitor(one: StoredMonitor, names: dict[int, str], *, secrets: bool) -> dict[str, Any]:
    config = one.config()
    if config is None:
        raise ConflictError(
            f"Monitor {one.monitor.id} ({one.name}) was stored by another version of Stagewatch, "
            "and this one can't read its configuration."
        )
    values = config.model_dump(mode="json", exclude_defaults=True, exclude={"channel_ids"})
    values = {field: values[field] for field in _fields(type(config)) if field in values}
    if "headers" in values and not secrets:
        values["headers"] = mask_headers(values["headers"])
    if one.channel_ids is not None:
        values["channels"] = sorted(names[number] for number in one.channel_ids)
    if one.paused:
        values["paused"] = True
    return values


def _window(one: StoredWindow, monitors: dict[int, str]) -> dict[str, Any]:
    config = one.config()
    if config is None:
        raise ConflictError(
            f"Maintenance window {one.window.id} ({one.name}) was stored by another version of "
            "Stagewatch, and this one can't read its configuration."
        )
    values = config.model_dump(mode="json", exclude_defaults=True, exclude={"monitors"})
    if one.monitor_ids:
        values["monitors"] = sorted(monitors[number] for number in one.monitor_ids)
    return {field: values[field] for field in WindowIn.model_fields if field in values}
