"""Which URLs, hosts and ports are accepted, and how they are normalised."""

import pytest

from app.probing.urls import join, numeric_address, parse_hostname, parse_port, parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "target", "normal"),
    [
        ("http://example.com", "example.com", 80, "/", "http://example.com/"),
        ("HTTPS://Example.COM:443/A?b=C", "example.com", 443, "/A?b=C", "https://example.com/A?b=C"),
        ("http://example.com:8080?x", "example.com", 8080, "/?x", "http://example.com:8080/?x"),
        ("http://example.com:/", "example.com", 80, "/", "http://example.com/"),
        ("http://a/b#secret?c", "a", 80, "/b", "http://a/b"),
        ("http://a#x", "a", 80, "/", "http://a/"),
        ("http://a_b.example/", "a_b.example", 80, "/", "http://a_b.example/"),
        ("http://[::1]:81/", "::1", 81, "/", "http://[::1]:81/"),
        ("http://[2001:DB8:0::1]", "2001:db8::1", 80, "/", "http://[2001:db8::1]/"),
        ("http://2130706433/", "127.0.0.1", 80, "/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "127.0.0.1", 80, "/", "http://127.0.0.1/"),
        ("http://127.0.0.1./", "127.0.0.1", 80, "/", "http://127.0.0.1/"),
        ("http://\uff11\uff12\uff17.0.0.1/", "127.0.0.1", 80, "/", "http://127.0.0.1/"),
        ("http://bücher.example/ü?ü", "xn--bcher-kva.example", 80, "/%C3%BC?%C3%BC",
         "http://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ('http://a/%zz<>"', "a", 80, "/%zz%3C%3E%22", "http://a/%zz%3C%3E%22"),
        ("http://example.com./", "example.com.", 80, "/", "http://example.com./"),
        ("http://a/@b:c", "a", 80, "/@b:c", "http://a/@b:c"),
        ("http://1.example", "1.example", 80, "/", "http://1.example/"),
        ("http://" + "a" * 63 + ".b/", "a" * 63 + ".b", 80, "/", "http://" + "a" * 63 + ".b/"),
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_reads_a_url(text: str, host: str, port: int, target: str, normal: str) -> None:
    url = parse_url(text)

    assert (url.host, url.port, url.target, url.text) == (host, port, target, normal)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begin with http"),
        ("example.com", "begin with http"),
        ("ftp://example.com", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("http:example.com", "begin with http"),
        ("http:/example.com", "begin with http"),
        ("//example.com", "begin with http"),
        ("http://", "host is missing"),
        ("http:///path", "host is missing"),
        ("http://:80/", "host is missing"),
        ("http://./", "host is missing"),
        ("http://user@a/", "user name or password"),
        ("http://user:pw@a/", "user name or password"),
        ("http://@a/", "user name or password"),
        ("http://a:0/", "between 1 and 65535"),
        ("http://a:65536/", "between 1 and 65535"),
        ("http://a:-1/", "not a port"),
        ("http://a:8o/", "not a port"),
        ("http://a:٨٠/", "not a port"),
        ("http://a:1:2/", "must be in brackets"),
        ("http://::1/", "must be in brackets"),
        ("http://[::1/", "bracket"),
        ("http://[::1]x/", "bracket"),
        ("http://[zz]/", "not a valid IPv6"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://a b/", "a space"),
        ("http://a/b c", "a space"),
        (" http://a/", "a space"),
        ("http://a/\r\nX: y", "control character"),
        ("http://a/\x00", "control character"),
        ("http://a/\x7f", "control character"),
        ("http://a\\b/", "backslash"),
        ("http://a/\ud800", "control character"),
        ("http://a/\u2028", "control character"),
        ("http://a..b/", "empty label"),
        ("http://.a/", "empty label"),
        ("http://a../", "empty label"),
        ("http://-a.b/", "cannot be part"),
        ("http://a-.b/", "cannot be part"),
        ("http://a!b/", "cannot be part"),
        ("http://a%41/", "cannot be part"),
        ("http://a*/", "cannot be part"),
        ("http://" + "a" * 64 + ".b/", "longer than 63"),
        ("http://" + ".".join(["a" * 50] * 6) + "/", "longer than 253"),
        ("http://" + "ü" * 400 + "/", "longer than 253"),
        ("http://xn--/", "cannot be part"),
        ("http://xn--a-ecp\u00a0.ru/", "space"),
        ("http://xn--999999999999/", "internationalised"),
        ("http://a\u0300\u0378.example/", "internationalised"),
        ("http://1.2.3.4.5/", "not a valid IPv4"),
        ("http://256.1.1.1/", "not a valid IPv4"),
        ("http://4294967296/", "not a valid IPv4"),
        ("http://example.123/", "not a valid IPv4"),
        ("http://0x/", "not a valid IPv4"),
        ("http://a/" + "x" * 2048, "longer than 2048"),
    ],
)
def test_it_says_what_is_wrong_with_a_url(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(text)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "http://a.test/x"),
        ("x?y", "http://a.test/b/x?y"),
        ("../x", "http://a.test/x"),
        ("?y", "http://a.test/b/c?y"),
        ("/a page?b c", "http://a.test/a%20page?b%20c"),
        ("//b.test/x", "http://b.test/x"),
        ("https://b.test", "https://b.test/"),
        ("", "http://a.test/b/c"),
        ("#top", "http://a.test/b/c"),
        ("/ü", "http://a.test/%C3%BC"),
    ],
)
def test_it_joins_a_redirect(location: str, expected: str) -> None:
    assert join(parse_url("http://a.test/b/c"), location).text == expected


@pytest.mark.parametrize(
    "location",
    ["ftp://a/", "javascript:alert(1)", "/\r\nX: y", "http://a b/", "\t/x", "\\\\evil", "//u@b/",
     "http://[", "//[x]/", "data:,x", "x" * 3000],
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_refuses_a_redirect_as_strictly(location: str) -> None:
    with pytest.raises(ValueError):
        join(parse_url("http://a.test/b"), location)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.COM", "example.com"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::FFFF:a00:1", "::ffff:10.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("bücher。example", "xn--bcher-kva.example"),
        # By IDNA 2008; that of 2003 would have made them fass.de and another Greek name.
        ("faß.de", "xn--fa-hia.de"),
        ("βόλος.gr", "xn--nxasmm1c.gr"),
        ("_dmarc.Bücher.example", "_dmarc.xn--bcher-kva.example"),
    ],
)
def test_it_reads_a_host_name(text: str, expected: str) -> None:
    assert parse_hostname(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a/b", "a:b", "a@b", "a\nb", "[", "[]", "a.b.", "a\n"]
)
def test_a_host_name_that_is_a_url_or_has_extra_characters_is_refused(text: str) -> None:
    if text == "a.b.":
        assert parse_hostname(text) == text
    else:
        with pytest.raises(ValueError):
            parse_hostname(text)


@pytest.mark.parametrize(
    "value", [0, -1, 65536, "0", "65536", "", "a", "1.0", " 80", "٨٠", "9" * 5000]
)
def test_it_refuses_invalid_ports(value: int | str) -> None:
    with pytest.raises(ValueError):
        parse_port(value)


def test_it_reads_ports() -> None:
    assert [parse_port(value) for value in (1, "80", 65535)] == [1, 80, 65535]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("example.com", None),
        ("2130706433", "127.0.0.1"),
        ("0x7F.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:ffff:7f00:1", "::ffff:7f00:1"),
        ("a.1x", None),
    ],
)
def test_every_form_of_an_address_is_recognised(host: str, address: str | None) -> None:
    import ipaddress

    found = numeric_address(host)

    assert found == address or ipaddress.ip_address(found or "") == ipaddress.ip_address(
        address or ""
    )
