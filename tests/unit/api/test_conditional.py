"""Which clients get a compressed response, and which get 304."""

import pytest
from fastapi import Request
from starlette.datastructures import Headers

from app.api.conditional import accepts_gzip, conditional


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZip ;q=0.5", True),
        ("br, *", True),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
    ],
)
def test_gzip_is_sent_only_to_clients_that_accept_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(Headers({"accept-encoding": header})) is accepted


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('W/"abc"', 304),
        ('"abc"', 304),
        ('"x", W/"abc"', 304),
        ("*", 304),
        ('"x"', 200),
        ("abc", 200),
        ('""', 200),
    ],
)
def test_an_unchanged_response_is_not_sent_again(header: str, status: int) -> None:
    request = Request({"type": "http", "headers": [(b"if-none-match", header.encode())]})

    answer = conditional(
        request,
        b"content",
        media_type="text/plain",
        digest="abc",
        cache_control="max-age=1",
        headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
    )

    assert answer.status_code == status
    assert answer.headers["ETag"] == 'W/"abc"'
    assert answer.headers["Cache-Control"] == "max-age=1"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert ("Content-Encoding" in answer.headers) is (status == 200)
    assert bytes(answer.body) == (b"content" if status == 200 else b"")
