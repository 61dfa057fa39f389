"""What a user types is understood, or refused with a plain sentence."""

import pytest

from app.monitors.typed import read_typed
from app.probing.targets import DnsTarget, TcpTarget


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("example.com", ["https://example.com/", "http://example.com/"]),
        (" Example.COM. ", ["https://example.com./", "http://example.com./"]),
        ("//example.com", ["https://example.com/", "http://example.com/"]),
        ("example.com/a?b=c#d", ["https://example.com/a?b=c", "http://example.com/a?b=c"]),
        ("https://example.com", ["https://example.com/"]),
        ("HTTP://example.com:8080/a", ["http://example.com:8080/a"]),
        ("example.com:80", ["http://example.com/"]),
        ("example.com:443", ["https://example.com/"]),
        ("example.com:8080", ["https://example.com:8080/", "http://example.com:8080/"]),
        ("example.com:5432/x", ["https://example.com:5432/x", "http://example.com:5432/x"]),
        ("b\u00fccher.example", ["https://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"]),
        ("192.0.2.1", ["https://192.0.2.1/", "http://192.0.2.1/"]),
        ("2001:db8::1", ["https://[2001:db8::1]/", "http://[2001:db8::1]/"]),
        ("[2001:db8::1]/x", ["https://[2001:db8::1]/x", "http://[2001:db8::1]/x"]),
        ("localhost", ["https://localhost/", "http://localhost/"]),
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_possible_web_servers_are_tried_over_https_first(text: str, urls: list[str]) -> None:
    assert [url.text for url in read_typed(text).urls] == urls


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tcp://host:5432", "host", 5432),
        ("host:5432", "host", 5432),
        ("192.0.2.1:22", "192.0.2.1", 22),
        ("[2001:db8::1]:5432", "2001:db8::1", 5432),
        ("tcp://[::1]:25", "::1", 25),
        ("host:5432/", "host", 5432),
        ("postgresql://ada:secret@db.example.com/shop?sslmode=require", "db.example.com", 5432),
        ("redis://cache:6380/0", "cache", 6380),
        ("SSH://git@host", "host", 22),
    ],
)
def test_a_host_with_another_port_is_a_tcp_target(text: str, host: str, port: int) -> None:
    typed = read_typed(text)

    assert (typed.urls, typed.target) == ((), TcpTarget(host, port))


def test_a_port_where_web_servers_are_found_may_be_something_else() -> None:
    assert read_typed("example.com:9000").target == TcpTarget("example.com", 9000)
    assert read_typed("example.com").target is None


def test_a_dns_url_becomes_a_dns_target() -> None:
    assert read_typed("dns://example.com").target == DnsTarget("example.com", "A")


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "://", "http://", "https:///a", "tcp://", "tcp://host", "tcp://host:0", "tcp://:1",
        ":80", "host:99999", "host:abc", "host:-1", "host:1:2", "[::1", "[]:1", "::1%eth0",
        "exa mple.com", "a..b", "-bad-.example", "a" * 300, "5", "5:80", "javascript:alert(1)",
        "mailto:ada@example.com", "ada@example.com", "http://ada:secret@example.com/",
        "file:///etc/passwd", "gopher://example.com", "example.com\\x", "a\x00b", "a\nb",
        "\u202eexample.com", "http://[v1.x]/", "\U0001f600 hello", "1.2.3.4.5",
        "dns://", "dns://a b", "?", "#", "/", "/etc/passwd", "[[::1]]", "0x7f.1.2.3.4", "٣", "²",
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_input_that_fits_no_kind_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_typed(text)

    assert type(caught.value) is ValueError
    assert "secret" not in str(caught.value)
