"""Log lines: their fields, and what must not be in them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from app import logs, request_id
from app.settings import Settings

log = logging.getLogger("tests.logs")


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Restore the root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def written(settings: Settings, *, service: str = "api") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(settings, service, stream)
    return stream


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def fail(error: Exception) -> None:
    raise error


def test_a_line_is_an_object_with_the_fields_that_all_services_share() -> None:
    stream = written(Settings(), service="worker")

    log.warning("notification %d sent", 7, extra={"monitor_id": 3, "duration_ms": 1.5})

    line = only_line(stream)
    assert list(line)[:4] == ["time", "level", "service", "event"]
    assert line["time"].endswith("Z")
    assert line | {"time": ""} == {
        "time": "",
        "level": "warning",
        "service": "worker",
        "event": "notification 7 sent",
        "logger": "tests.logs",
        "monitor_id": 3,
        "duration_ms": 1.5,
    }


def test_the_request_that_is_answered_is_named_unless_the_record_names_another() -> None:
    stream = written(Settings())
    token = request_id.current.set("request-1")

    log.info("its own")
    log.info("another", extra={"request_id": "request-2"})

    request_id.current.reset(token)
    ids = [json.loads(line)["request_id"] for line in stream.getvalue().splitlines()]
    assert ids == ["request-1", "request-2"]


def test_an_exception_is_logged_in_one_line() -> None:
    stream = written(Settings())

    try:
        fail(ValueError("two\nlines"))
    except ValueError:
        log.exception("failed")

    assert "ValueError: two\nlines" in only_line(stream)["exception"]


def test_values_that_are_not_text_are_logged_too() -> None:
    stream = written(Settings())

    log.info("half a pair: %s", "\ud800", extra={"object": object, "bytes": b"\xff"})

    assert only_line(stream)["event"] == "half a pair: \ud800"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_passwords_of_the_settings_and_of_any_url_are_never_written(log_format: Any) -> None:
    settings = Settings(
        log_format=log_format,
        database_url="postgresql://u:data%22base%40@h/d",
        redis_url="redis://:redis-secret@h:1/0",
    )
    stream = written(settings)

    log.info('data"base@ and redis-secret', extra={"url": "https://me:inline@example.com/x"})
    try:
        fail(RuntimeError("redis://:redis-secret@h:1/0 and data%22base%40"))
    except RuntimeError:
        log.exception("failed")

    text = stream.getvalue()
    assert "example.com/x" in text
    for secret in ('data"base@', 'data\\"base@', "data%22base", "redis-secret", "inline"):
        assert secret not in text


def test_no_key_for_webhooks_is_ever_written() -> None:
    keys = [2 * "q8Zt4-Wk1xR7_mB3uYv0" + "abQ=", 2 * "Lp5sX-Nc2eJ6_hG9oTd1" + "cdE="]  # nobody's
    stream = written(Settings(webhook_key=SecretStr("\n".join(keys))))

    log.info("it has %s and %s", *keys)

    assert only_line(stream)["event"] == "it has *** and ***"


def test_the_password_of_the_mail_server_is_never_written() -> None:
    settings = Settings(smtp_url="smtps://someone:Zx81-mail@mail.example.com")
    stream = written(settings)

    log.warning("refused: Zx81-mail")

    assert "Zx81-mail" not in stream.getvalue()


def test_the_example_password_which_is_also_a_name_stays_readable() -> None:
    stream = written(Settings(database_url="postgresql://stagewatch:stagewatch@db/stagewatch"))

    log.info("stagewatch is ready")

    assert only_line(stream)["event"] == "stagewatch is ready"


def test_the_console_format_has_no_braces() -> None:
    stream = written(Settings(log_format="console"))

    log.info("ready", extra={"monitor_id": 3})

    assert "ready" in stream.getvalue()
    assert "monitor_id=3" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_records_below_the_level_are_dropped() -> None:
    stream = written(Settings(log_level="warning"))

    log.info("detail")

    assert stream.getvalue() == ""
