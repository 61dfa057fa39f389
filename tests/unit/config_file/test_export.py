"""An export is what a person would write: without defaults, ids and secrets."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.channels.models import Channel
from app.channels.sealing import Sealer
from app.config_file.export import export
from app.config_file.stored import Stored, StoredMonitor
from app.errors import ConflictError
from app.monitors.configuration import apply_config
from app.monitors.models import Monitor
from app.monitors.schemas import MONITOR_IN


def stored(channels: list[Channel], *monitors: StoredMonitor) -> Stored:
    return Stored(channels, list(monitors), [], datetime(2026, 11, 25, tzinfo=UTC), Sealer([]))


def monitor(
    number: int, *, paused: bool = False, channel_ids: list[int] | None = None, **config: Any
) -> StoredMonitor:
    made = Monitor(id=number)
    tcp = {} if "kind" in config else {"kind": "tcp", "host": "a.example.com", "port": 1}
    config = {"name": f"Shop {number}"} | tcp | config
    apply_config(made, MONITOR_IN.validate_python(config))
    return StoredMonitor(made, paused, channel_ids)


def hook(number: int, name: str) -> Channel:
    return Channel(
        id=number, name=name, kind="webhook", url="https://example.com/", secret="s" * 16
    )


def test_defaults_are_left_out_and_channels_are_named() -> None:
    text = export(
        stored(
            [hook(3, "On call"), hook(5, "Chat")],
            monitor(1),
            monitor(2, channel_ids=[3, 5], tags=["eu"], interval_seconds=30, paused=True),
            monitor(7, channel_ids=[]),
        )
    )

    assert text == (
        "version: 1\n"
        "channels:\n"
        "- name: On call\n  kind: webhook\n  url: https://example.com/\n  secret: '***'\n"
        "- name: Chat\n  kind: webhook\n  url: https://example.com/\n  secret: '***'\n"
        "monitors:\n"
        "- name: Shop 1\n  kind: tcp\n  host: a.example.com\n  port: 1\n"
        "- name: Shop 2\n  kind: tcp\n  host: a.example.com\n  port: 1\n"
        "  interval_seconds: 30\n  tags:\n  - eu\n  channels:\n  - Chat\n  - On call\n"
        "  paused: true\n"
        "- name: Shop 7\n  kind: tcp\n  host: a.example.com\n  port: 1\n  channels: []\n"
        "maintenance: []\n"
    )


def test_secrets_are_there_only_when_they_are_asked_for() -> None:
    config = stored(
        [Channel(id=1, name="Chat", kind="apprise", url="slack://a/b/c/d", secret=None)],
        monitor(1, kind="http", url="https://a/", headers={"X-Token": "t"}),
    )

    assert "slack://***" in export(config) and "X-Token: '***'" in export(config)
    assert "slack://a/b/c/d" in export(config, secrets=True)
    assert "X-Token: t\n" in export(config, secrets=True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (stored([hook(1, "a"), hook(2, "a")]), "Names of channels .* a \\(1, 2\\)"),
        (
            stored([], *(monitor(n, name="a") for n in (3, 4))),
            "Names of monitors .* a \\(3, 4\\)",
        ),
    ],
)
def test_names_that_are_not_distinct_are_refused(config: Stored, said: str) -> None:
    with pytest.raises(ConflictError, match=said):
        export(config)
