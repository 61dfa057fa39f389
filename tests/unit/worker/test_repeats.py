"""A library that repeats a message does not fill the log, and nothing is hidden."""

import logging
from collections.abc import Iterator

import pytest

from worker.repeats import Repeats


def logged(repeats: Repeats, *messages: str) -> Iterator[logging.LogRecord]:
    """Yield the records that are let through."""
    for message in messages:
        record = logging.LogRecord("library", logging.ERROR, "", 0, "it is %s", (message,), None)
        if repeats.filter(record):
            yield record


def test_a_message_is_logged_once_and_other_messages_at_once() -> None:
    records = logged(Repeats(3600), "full", "full", "gone", "full", "gone")

    assert [record.getMessage() for record in records] == ["it is full", "it is gone"]


def test_a_repeated_message_has_the_number_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.0, 31.0, 32.0, 70.0])
    monkeypatch.setattr("worker.repeats.time.monotonic", lambda: next(clock))

    records = list(logged(Repeats(30), *["full"] * 6))

    assert [getattr(record, "held_back", 0) for record in records] == [0, 2, 1]


def test_old_messages_are_forgotten() -> None:
    repeats = Repeats(0)

    assert len(list(logged(repeats, *map(str, range(1000))))) == 1000
    assert len(repeats._seen) < 10
