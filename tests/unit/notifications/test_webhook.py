"""Webhooks are signed as Standard Webhooks defines it, and their responses are shown."""

import pytest

from app.notifications.webhook import answer_of, sign


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the libraries' common test.
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (204, b"", "204 No Content"),
        (200, b'{"ok": true}\n', '200 OK: {"ok": true}'),
        (500, "<b>\n na\u202e\u00efve\x1b[1m\x00</b>".encode(),
         "500 Internal Server Error: <b> na \u00efve [1m </b>"),
        (200, b"\xff\xfe", "200 OK"),
        (299, b"odd", "299: odd"),
        (200, b"x" * 5000, "200 OK: " + "x" * 499 + "\u2026"),
        (200, "\u00e9".encode() * 5000, "200 OK: " + "\u00e9" * 499 + "\u2026"),
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_the_answer_of_a_server_is_reduced_to_one_readable_line(
    status: int, body: bytes, answer: str
) -> None:
    assert answer_of(status, body) == answer
