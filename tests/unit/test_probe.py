"""The script, called as a function, against real servers."""

import socket

import pytest

from app.probe import main, probe
from tests.targets import answering, dripping, over_tls, saying, server, silent


def test_it_tells_status_latency_and_size() -> None:
    with server(answering(b"Keep it logically awesome.")) as port:
        outcome = probe(f"http://127.0.0.1:{port}/zen")

    assert (outcome.error, outcome.status, outcome.size) == (None, 200, 26)
    assert outcome.latency_ms > 0
    assert " 200 " in outcome.line()


def test_a_status_from_400_up_is_a_failure() -> None:
    with server(answering(b"gone", "503 Service Unavailable")) as port:
        assert probe(f"http://127.0.0.1:{port}/").error == "status 503"


def test_a_port_without_a_listener_refuses_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert probe(f"http://127.0.0.1:{port}/").error == "connection refused"


def test_an_unknown_host_is_not_found() -> None:
    assert probe("http://nowhere.invalid/").error == "host not found"


@pytest.mark.parametrize("behaviour", [silent, dripping])
def test_the_timeout_bounds_the_whole_call(behaviour: object) -> None:
    with server(behaviour) as port:  # type: ignore[arg-type]  # parametrize knows no types
        assert probe(f"http://127.0.0.1:{port}/", timeout=0.5).error == "timed out after 0.5 s"


def test_an_untrusted_certificate_is_a_tls_error() -> None:
    with server(over_tls(answering(b"hello"))) as port:
        error = probe(f"https://127.0.0.1:{port}/").error

    assert error is not None
    assert error.startswith("TLS: ")
    assert "\n" not in error


def test_a_server_without_tls_is_a_tls_error() -> None:
    with server(saying(b"hello there, this is no TLS\r\n")) as port:
        assert str(probe(f"https://127.0.0.1:{port}/").error).startswith("TLS: ")


def test_an_answer_that_is_not_http_is_reported() -> None:
    with server(saying(b"\x00\xff garbage\r\n\r\n")) as port:
        assert probe(f"http://127.0.0.1:{port}/").error == "the answer is not HTTP"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "example.com",
        "http://",
        "http://:80/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://[::1/",
        "http://example.com/\u00fc",
        "",
    ],
)
def test_a_bad_url_is_reported_and_not_requested(url: str) -> None:
    assert str(probe(url).error).startswith("bad URL: ")


def test_the_exit_code_is_0_when_all_went_well_and_1_when_one_did_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with server(answering(b"ok")) as port:
        good = f"http://127.0.0.1:{port}/"

        assert main([good]) == 0
        assert main([good, "http://nowhere.invalid/", good]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert "kernel" in lines[0]
    assert [line.split()[0] for line in lines[3:]] == [good, "http://nowhere.invalid/", good]
