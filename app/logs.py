"""Logs as JSON, one object a line, with the same field names in API, worker, beat and migrations.

    {"time":"2026-11-25T10:00:00.123456Z","level":"info","service":"worker",
     "event":"notification 7 sent","logger":"app.notifications.delivery",
     "monitor_id":3,"request_id":"5f0c…","duration_ms":12.5}

Modules log with the standard library and put searchable fields into `extra`: monitor_id,
duration_ms and the like. structlog formats the lines, including those of other libraries.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, MutableMapping
from typing import Any, TextIO
from urllib.parse import quote

import structlog
from sqlalchemy import make_url

from app import request_id
from app.production import EXAMPLE_PASSWORD
from app.settings import Settings

_REDACTED = "***"
# The user and the password in a URL, wherever a library may write one. Without white space and
# slashes, so that text between two URLs is not taken for a part of either.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@\"']+@")
# In records from Uvicorn: the message again, with escape sequences for a terminal.
_UNWANTED = ("color_message",)
# Shorter values are not redacted: they would also be replaced as parts of other words.
_SHORTEST_SECRET = 6

Event = MutableMapping[str, Any]


class Redact:
    """Removes secrets from a finished line: the given ones, and credentials in any URL."""

    def __init__(self, secrets: Collection[str]) -> None:
        # Longest first, because one may be part of another. Also as escaped in JSON or a URL.
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        forms |= {json.dumps(form)[1:-1] for form in forms}
        self._secrets = sorted(
            (form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True
        )

    def __call__(self, line: str) -> str:
        """Return the line without secrets."""
        for secret in self._secrets:
            line = line.replace(secret, _REDACTED)
        return _CREDENTIALS.sub(f"{_REDACTED}@", line)


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    redact: Redact

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))


def configure(settings: Settings, service: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream`, by default standard output, as `settings` say.

    `service` is the name of the process in every line: api, worker, beat or migrate.
    """
    stream = stream or sys.stdout

    def add_context(_logger: Any, _method: str, event: Event) -> Event:
        # A record's own id takes precedence, because a worker logs for past requests.
        if (current := request_id.current.get()) is not None:
            event.setdefault("request_id", current)
        for name in _UNWANTED:
            event.pop(name, None)
        # In this order, so that people can read the lines too.
        first = {"time": event.pop("time"), "level": event.pop("level"), "service": service}
        return {**first, "event": event.pop("event"), **event}

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_context,
    ]
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if settings.log_format == "json":
        final += [
            structlog.processors.ExceptionRenderer(),
            # Without spaces, as Nginx writes it, so that one `grep` finds a field in all logs. What
            # is not JSON, an address for instance, is shown by its text.
            # Characters beyond ASCII are escaped, since half of a surrogate pair can't be written.
            structlog.processors.JSONRenderer(default=str, separators=(",", ":")),
        ]
    else:
        final.append(
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    formatter = _RedactingFormatter(foreign_pre_chain=shared, processors=final)
    formatter.redact = Redact(_secrets_of(settings))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)


def _secrets_of(settings: Settings) -> set[str]:
    """Return the passwords in the settings, except the example: it is also the user's name."""
    passwords = {*settings.webhook_keys, *filter(None, [settings.first_key])}
    for url in (settings.database_url, settings.redis_url, settings.smtp_url):
        if url and (password := make_url(url).password):
            passwords.add(str(password))
    return passwords - {EXAMPLE_PASSWORD}
