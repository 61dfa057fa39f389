"""Wrong keys are counted per client address."""

import pytest

from app.keys import attempts
from app.keys.attempts import ALLOWED, FailedAttempts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the current time, which a test can change."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_an_address_has_to_wait_after_too_many_wrong_keys(clock: list[float]) -> None:
    failed = FailedAttempts()
    for number in range(ALLOWED):
        assert failed.wait("192.0.2.1") == 0
        failed.note("192.0.2.1", f"key {number}", "There is no such key.")
    clock[0] += 20

    assert failed.wait("192.0.2.1") == 40
    assert failed.wait("192.0.2.2") == 0


def test_the_count_starts_again_after_the_wait(clock: list[float]) -> None:
    failed = FailedAttempts()
    for number in range(ALLOWED + 5):
        failed.note("192.0.2.1", f"key {number}", "There is no such key.")
    clock[0] += 61

    assert failed.wait("192.0.2.1") == 0
    assert failed.fault("192.0.2.1", "key 1") is None
    failed.note("192.0.2.1", "key 1", "There is no such key.")
    assert failed.wait("192.0.2.1") == 0


def test_the_same_key_counts_as_one_attempt(clock: list[float]) -> None:
    failed = FailedAttempts()

    for _ in range(10 * ALLOWED):
        failed.note("192.0.2.1", "key", "This key was revoked.")

    assert failed.wait("192.0.2.1") == 0
    assert failed.fault("192.0.2.1", "key") == "This key was revoked."
    assert failed.fault("192.0.2.1", "another") is None
    assert failed.fault("192.0.2.2", "key") is None


def test_it_remembers_no_more_addresses_than_it_has_room_for(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MAX_ADDRESSES", 100)
    failed = FailedAttempts()

    for number in range(1000):
        clock[0] += 1
        failed.note(f"address {number}", "key", "There is no such key.")

    assert len(failed._failed) <= 100
