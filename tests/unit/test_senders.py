"""Webhooks are signed as Standard Webhooks says."""

from worker.senders import sign, text_of


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the libraries' common test.
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_people_read_names_the_monitor_and_the_cause() -> None:
    payload = {
        "event": "incident.opened",
        "monitor": {"name": "Shop"},
        "incident": {"opened_at": "2026-11-23T12:00:00+00:00", "cause": "connection refused"},
    }

    title, text = text_of(payload)

    assert title == "Shop is down"
    assert "connection refused" in text
