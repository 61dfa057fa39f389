"""Webhooks are signed as Standard Webhooks says."""

from app.notifications.webhook import sign


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the libraries' common test.
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
