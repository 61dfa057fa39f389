"""Events in PostgreSQL's messages, which have a limit."""

import json
from datetime import UTC, datetime

import pytest

from app.events.publishing import MAX_EVENTS, MAX_PAYLOAD_BYTES, Event, payloads, state_event

RESYNC = ['[["resync",{}]]']


def down(number: int, error: str = "connection refused") -> Event:
    return state_event(number, f"Site {number} ✓", "down", datetime(2026, 1, 1, tzinfo=UTC), error)


def test_events_share_messages_in_their_order_and_times_are_utc() -> None:
    [message] = payloads([down(1), Event("config", {"monitor_id": None})])

    assert json.loads(message) == [
        [
            "state",
            {
                "monitor_id": 1,
                "name": "Site 1 ✓",
                "state": "down",
                "since": "2026-01-01T00:00:00Z",
                "error": "connection refused",
            },
        ],
        ["config", {"monitor_id": None}],
    ]


def test_no_message_is_longer_than_postgresql_takes_and_none_is_lost() -> None:
    messages = payloads([down(number, "é" * 200) for number in range(MAX_EVENTS)])

    assert max(len(message.encode()) for message in messages) <= MAX_PAYLOAD_BYTES
    numbers = [data["monitor_id"] for message in messages for _, data in json.loads(message)]
    assert numbers == list(range(MAX_EVENTS))


@pytest.mark.parametrize("length", range(7880, 7900))
def test_a_message_of_any_length_is_sent_or_replaced_by_a_resync(length: int) -> None:
    [message] = payloads([down(1, "x" * length)])

    assert len(message.encode()) <= MAX_PAYLOAD_BYTES
    assert message in RESYNC or "x" * length in message


def test_too_many_events_are_replaced_by_a_resync() -> None:
    assert payloads([down(number) for number in range(MAX_EVENTS + 1)]) == RESYNC
    assert payloads([down(1), down(2, "x" * 8000)]) == RESYNC
