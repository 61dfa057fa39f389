"""Converts a monitor's configuration between the schemas and its row."""

from typing import Any

from app.errors import InvalidFieldError
from app.monitors.models import Monitor
from app.monitors.schemas import (
    HeartbeatMonitorIn,
    HttpMonitorIn,
    MonitorCommon,
    MonitorIn,
    Probed,
)
from app.probing.headers import is_masked, keep_masked, mask_headers
from app.probing.urls import parse_url

# Fields with their own columns; the rest belongs to the kind and is in `spec`. The channels are in
# another table (app.channels.subscriptions).
_RELATED = {"channel_ids"}
_PROBED = frozenset({"kind", *Probed.model_fields} - _RELATED)
_HEARTBEAT = frozenset({"kind", *MonitorCommon.model_fields} - _RELATED)


def with_secrets(config: MonitorIn, monitor: Monitor) -> MonitorIn:
    """Return `config` with the masked values of its headers replaced by the stored ones.

    Raises InvalidFieldError if no value is stored, or if the URL's origin or the Host header
    changes: otherwise, users who may not see the values could have them sent to another server.
    """
    if not (isinstance(config, HttpMonitorIn) and is_masked(config.headers)):
        return config
    stored = monitor.spec or {}
    if "url" in stored and _server(stored["url"], stored["headers"]) != _server(
        config.url, config.headers
    ):
        raise InvalidFieldError("headers", "for another origin, send the values again")
    try:
        headers = keep_masked(config.headers, stored.get("headers", {}))
    except ValueError as error:
        raise InvalidFieldError("headers", str(error)) from None
    return config.model_copy(update={"headers": headers})


def _server(url: str, headers: dict[str, str]) -> tuple[object, ...]:
    """Return what determines the server that gets a request; behind a proxy, that includes Host."""
    hosts = [value for name, value in headers.items() if name.lower() == "host"]
    return (*parse_url(url).origin, *hosts)


def apply_config(monitor: Monitor, config: MonitorIn) -> None:
    """Write a configuration into a row, except for its channels.

    For masked header values, the stored ones are kept.

    Raises InvalidFieldError as `with_secrets` does.
    """
    config = with_secrets(config, monitor)
    values = config.model_dump(mode="json", exclude=_RELATED)
    if isinstance(config, HeartbeatMonitorIn):
        own = _HEARTBEAT
        monitor.interval_seconds = config.period_seconds
        monitor.timeout_seconds = 0.0
        monitor.confirmations = 1  # the grace period replaces confirmations
    else:
        own = _PROBED
    for name in own:
        setattr(monitor, name, values.pop(name))
    monitor.spec = values


def config_of(monitor: Monitor, channel_ids: list[int] | None = None) -> dict[str, Any]:
    """Return a monitor's configuration as a client wrote it; the caller passes its channels."""
    own = _HEARTBEAT if monitor.kind == "heartbeat" else _PROBED
    config = {name: getattr(monitor, name) for name in own} | monitor.spec
    return config | {"channel_ids": channel_ids}


def shown_config(monitor: Monitor, channel_ids: list[int] | None = None) -> dict[str, Any]:
    """Return a monitor's configuration as a client may see it, and as PATCH changes it."""
    config = config_of(monitor, channel_ids)
    # Another version of the program may have stored something else.
    if isinstance(config.get("headers"), dict):
        config["headers"] = mask_headers(config["headers"])
    return config
