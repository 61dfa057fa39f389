"""Which cookies are sent to the target of a redirect."""

import pytest

from app.probing.cookies import Cookies
from app.probing.urls import parse_url

SHOP = "https://www.shop.test/a"


@pytest.mark.parametrize(
    ("set_cookie", "url", "line"),
    [
        (b"a=1", SHOP, b"Cookie: a=1\r\n"),
        (b"a=1; Path=/; HttpOnly; SameSite=Lax", SHOP, b"Cookie: a=1\r\n"),
        (b"a=1", "https://shop.test/", b""),
        (b"a=1", "https://b.www.shop.test/", b""),
        (b"a=1; Domain=.Shop.test", "https://shop.test/", b"Cookie: a=1\r\n"),
        (b"a=1; Domain=shop.test", "https://pay.shop.test/", b"Cookie: a=1\r\n"),
        (b"a=1; Domain=shop.test", "https://myshop.test/", b""),
        (b"a=1; Domain=other.test", "https://other.test/", b""),
        (b"a=1; Secure", "http://www.shop.test/", b""),
        (b"a=1; Max-Age=0", SHOP, b""),
        (b"a=\x01", SHOP, b""),
        (b"a=" + b"x" * 9000, SHOP, b""),
        (b"", SHOP, b""),
    ],
)
def test_a_cookie_goes_where_a_browser_sends_it(set_cookie: bytes, url: str, line: bytes) -> None:
    cookies = Cookies()

    cookies.keep(parse_url(SHOP), [set_cookie])

    assert cookies.line(parse_url(url)) == line


def test_a_cookie_replaces_the_one_before_it_and_can_end_it() -> None:
    cookies = Cookies()

    cookies.keep(parse_url(SHOP), [b"a=1", b"b=2", b"a=3", b"b=; Max-Age=0"])

    assert cookies.line(parse_url(SHOP)) == b"Cookie: a=3\r\n"
