"""Which headers a request may have, which of them are secret, and which are sent across origins."""

import pytest

from app.probing.headers import (
    MASK,
    check_header,
    check_method,
    is_masked,
    keep_masked,
    mask_headers,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Mine", "yes"),
        ("Host", "a.test:80"),
        ("Authorization", "Bearer ü"),
        ("X", ""),
        ("X", "a\tb"),
    ],
)
def test_it_takes_proper_headers(name: str, value: str) -> None:
    check_header(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("A B", "x"), ("A:", "x"), ("Ä", "x"), ("A\n", "x"), ("A", "x\r\nB: y"),
     ("A", "x\ny"),
     ("A", "x\ry"), ("A", "x\0"), ("A", "\x7f"), ("A", "\ud800"), ("Content-Length", "1"),
     ("transfer-encoding", "chunked"), ("CONNECTION", "x"), ("Upgrade", "x"), ("Expect", "x"),
     ("Host", ""), ("Host", "a b"), ("Host", "a/b"), ("A" * 101, "x"), ("A", "x" * 8193)],
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_refuses_headers_that_break_the_request(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        check_header(name, value)


@pytest.mark.parametrize("method", ["", "get", "GET ", "CONNECT", "TRACE", "FOO", "GET\r\n"])
def test_it_refuses_odd_methods(method: str) -> None:
    with pytest.raises(ValueError):
        check_method(method)


def test_only_values_of_plainly_harmless_headers_are_shown() -> None:
    headers = {
        "Accept": "text/html",
        "accept-language": "en",
        "User-Agent": "mine",
        "Content-Type": "text/plain",
        "Host": "shop.test",
        "Authorization": "Bearer t0ken",
        "PRIVATE-TOKEN": "t0ken",
        "X-Anything": "t0ken",
        "Cookie": "a=t0ken",
    }

    shown = mask_headers(headers)

    assert list(shown) == list(headers)
    assert "t0ken" not in str(shown)
    assert [name for name, value in shown.items() if value == MASK] == list(headers)[5:]
    assert {name: shown[name] for name in list(headers)[:5]} == dict(list(headers.items())[:5])


def test_a_masked_value_keeps_the_stored_one_whatever_the_case_of_its_name() -> None:
    stored = {"Authorization": "Bearer t0ken", "Accept": "*/*"}

    kept = keep_masked({"authorization": MASK, "Accept": "text/html", "X-New": "1"}, stored)

    assert kept == {"authorization": "Bearer t0ken", "Accept": "text/html", "X-New": "1"}
    assert keep_masked(mask_headers(stored), stored) == stored


def test_a_masked_value_with_nothing_stored_is_refused() -> None:
    with pytest.raises(ValueError, match="no value is stored for X-Token"):
        keep_masked({"X-Token": MASK}, {"Authorization": "x"})


def test_the_mask_is_recognised() -> None:
    assert is_masked({"Accept": "*/*", "X-Token": MASK})
    assert not is_masked({"Accept": "*/*"})
