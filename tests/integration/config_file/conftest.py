"""Fixtures: the commands as an operator types them, and the content of the database."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app import cli
from tests.services import query

# A weekday on which no window can be running now, in any time zone.
WEEKDAY = f"{datetime.now(UTC) + timedelta(days=3):%A}".lower()

CONFIG = f"""\
version: 1
channels:
- name: On call
  kind: webhook
  url: https://example.com/hook
  secret: a-secret-of-at-least-16
- name: Chat
  kind: apprise
  url: slack://TokenA/TokenB/TokenC/Channel
monitors:
- name: Shop
  kind: http
  url: https://shop.example.com/health
  headers:
    Accept: text/plain
    X-Token: t0ken
  interval_seconds: 30
  group: Payments
  tags:
  - eu
  channels:
  - On call
- name: DB
  kind: tcp
  host: db.example.com
  port: 5432
- name: Mail
  kind: dns
  hostname: example.com
  record_type: MX
  channels: []
- name: Backup
  kind: heartbeat
  period_seconds: 3600
  paused: true
maintenance:
- name: Updates
  tags:
  - eu
  monitors:
  - DB
  - Mail
  recurrence:
    frequency: weekly
    weekdays:
    - {WEEKDAY}
    start_time: '02:30'
    duration_minutes: 90
    time_zone: Europe/Berlin
- name: Move
  all: true
  starts_at: '2099-12-05T22:00:00Z'
  ends_at: '2099-12-06T01:00:00Z'
"""

# All rows that applying the same file again must not change.
EVERYTHING = (
    "SELECT * FROM monitors ORDER BY id",
    "SELECT * FROM states ORDER BY monitor_id",
    "SELECT * FROM schedule ORDER BY monitor_id",
    "SELECT * FROM channels ORDER BY id",
    "SELECT * FROM monitor_channels ORDER BY monitor_id, channel_id",
    "SELECT * FROM maintenance_windows ORDER BY id",
    "SELECT * FROM maintenance_monitors ORDER BY window_id, monitor_id",
)


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    error: str


Run = Callable[..., Ended]


@pytest.fixture
def run(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return `stagewatch`: with the name of a command, its options, and the text of its file."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def run(command: str, *options: str, file: str | None = None) -> Ended:
        names = []
        if file is not None:
            Path("config.yaml").write_text(file, "utf-8")
            names = ["config.yaml"]
        with pytest.raises(SystemExit) as ended:
            cli.main([command, *names, *options])
        out, error = capsys.readouterr()
        if isinstance(ended.value.code, str):
            return Ended(1, out, error + ended.value.code)
        return Ended(ended.value.code or 0, out, error)

    return run


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


def everything(database_url: str) -> list[list[dict[str, Any]]]:
    """Return every row that a configuration has."""
    return [query(database_url, statement) for statement in EVERYTHING]
