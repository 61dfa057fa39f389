"""Misbehaving targets are failed checks with plain reasons."""

import asyncio
import resource
from collections.abc import Callable

import pytest

from app.probing.http import Request
from app.probing.result import Failure, Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from tests.integration.probing.conftest import Session
from tests.targets import Targets

Probe = Callable[..., Result]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/cut", "connection closed before the body was complete"),
        ("/chunked-cut", "connection closed before the body was complete"),
        ("/cut-headers", "connection closed before the headers were complete"),
        ("/nothing", "connection closed without an answer"),
        ("/reset-in-body", "connection reset by the server before the body was complete"),
        ("/endless-body", "body did not end within 4 MiB"),
        ("/endless-chunks", "body did not end within 4 MiB"),
        ("/endless-tiny-chunks", "body did not end within 4 MiB"),
        ("/endless-headers", "the headers are longer than 64 KiB"),
        ("/endless-header", "the headers are longer than 64 KiB"),
        ("/endless-interim", "the headers are longer than 64 KiB"),
        ("/huge-headers", "the headers are longer than 64 KiB"),
        ("/gzip-bomb", "compressed body inflates more than 100 times"),
        ("/gzip-cut", "the compressed body is incomplete"),
        ("/gzip-damaged", "the compressed body is damaged"),
        ("/redirect-often?left=11", "more than 10 redirects"),
        ("/redirect-nowhere", "status 302 (accepted: 200-299)"),
    ],
)
def test_a_broken_answer_fails_with_its_reason(
    probe: Probe, targets: Targets, path: str, error: str
) -> None:
    result = probe(targets.url(path))

    assert not result.ok
    assert result.error == error


@pytest.mark.parametrize("path", ["/garbage", "/ssh", "/bad-length", "/two-lengths", "/nul"])
def test_non_http_answers_are_reported_as_such(probe: Probe, targets: Targets, path: str) -> None:
    result = probe(targets.url(path))

    assert result.error is not None and result.error.startswith("not HTTP: ")
    assert result.status_code is None


def test_a_redirect_loop_names_where_it_closes(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url("/loop"))

    assert result.error == f"redirect loop at {targets.url('/loop')}"
    assert result.status_code == 302


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("ftp://x.test/", "the URL must begin with http:// or https://"),
        ("javascript:alert(1)", "the URL must begin with http:// or https://"),
        ("http://user:pw@x.test/", "the URL must not contain a user name or password"),
        ("http://x.test:0/", "the port must be between 1 and 65535"),
        ("http://:80/", "the host is missing"),
    ],
)
def test_a_redirect_to_no_address_fails(probe: Probe, targets: Targets, to: str, why: str) -> None:
    result = probe(targets.url(f"/redirect?to={to}"))

    assert result.error == f"redirect to an address that cannot be used: {why}"


def test_a_redirect_in_invalid_utf_8_is_followed_or_fails_plainly(
    probe: Probe, targets: Targets
) -> None:
    assert probe(targets.url("/invalid-utf-8-location")).error == "status 404 (accepted: 200-299)"


@pytest.mark.parametrize(
    ("path", "phase"),
    [
        ("/hang", "waiting for the first byte"),
        ("/byte-a-second", "reading the body"),
        ("/header-byte-a-second", "reading the headers"),
    ],
)
def test_the_timeout_bounds_the_whole_check_and_names_the_phase(
    probe: Probe, targets: Targets, path: str, phase: str
) -> None:
    result = probe(targets.url(path), timeout=0.3)

    assert result.error == f"timed out after 0.3 s while {phase}"


def test_one_byte_a_second_ends_at_a_timeout_of_a_second(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url("/byte-a-second"), timeout=1)

    assert result.error == "timed out after 1 s while reading the body"
    assert result.status_code == 200


@pytest.mark.parametrize(
    ("port", "error"),
    [
        ("refused", "connection refused"),
        ("reset", "connection reset by the server"),
        # Which of the two the client sees depends on whether its request was under way already.
        ("close", "connection closed without an answer|connection reset by the server"),
    ],
)
def test_a_server_that_does_not_talk_fails_plainly(
    probe: Probe, targets: Targets, port: str, error: str
) -> None:
    assert probe(f"http://127.0.0.1:{targets.ports[port]}/").error in error.split("|")


def test_a_server_of_another_protocol_is_not_http(probe: Probe, targets: Targets) -> None:
    result = probe(f"http://127.0.0.1:{targets.ports['talks-first']}/")

    assert result.error is not None and result.error.startswith("not HTTP: ")


def test_a_missing_route_is_reported(probe: Probe) -> None:
    assert probe("http://224.0.0.1/").error == "network is unreachable"


@pytest.mark.parametrize(
    ("kind", "host", "error"),
    [
        ("expired", "127.0.0.1", "TLS: certificate has expired"),
        ("wrong-name", "good.test", "TLS: certificate is not valid for 'good.test'"),
        ("wrong-name", "127.0.0.1", "TLS: certificate is not valid for '127.0.0.1'"),
        (
            "self-signed",
            "good.test",
            "TLS: the certificate is signed by an authority that is not trusted",
        ),
        ("garbage", "127.0.0.1", "TLS: the server does not speak TLS on this port"),
        ("talks-first", "127.0.0.1", "TLS: the server does not speak TLS on this port"),
        ("close", "127.0.0.1", "TLS: the server closed the connection during the handshake"),
        ("reset", "127.0.0.1", "TLS: the server closed the connection during the handshake"),
    ],
)
def test_a_failed_handshake_says_why(
    probe: Probe, targets: Targets, kind: str, host: str, error: str
) -> None:
    result = probe(f"https://{host}:{targets.ports[kind]}/ok", timeout=2)

    assert result.error == error


def test_a_handshake_that_hangs_is_named_at_the_timeout(probe: Probe, targets: Targets) -> None:
    result = probe(f"https://127.0.0.1:{targets.ports['silent']}/", timeout=0.3)

    assert result.error == "timed out after 0.3 s while in the TLS handshake"


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("nowhere.test", "host not found: nowhere.test"),
        ("mail.invalid", "host not found: mail.invalid"),
        ("_sip._tcp.test", "host not found: _sip._tcp.test has no address"),
        ("failing.test", "the name server failed to answer for failing.test"),
        ("refusing.test", "the name server refused to answer for refusing.test"),
    ],
)
def test_a_name_that_cannot_be_resolved_says_why(probe: Probe, host: str, error: str) -> None:
    assert probe(f"http://{host}/").error == error


def test_slow_name_servers_count_towards_the_timeout(probe: Probe) -> None:
    for host in ("slow.test", "dead.test"):
        result = probe(f"http://{host}/", timeout=0.3)

        assert result.error == "timed out after 0.3 s while resolving"


def test_a_flood_does_not_fill_the_memory(session: Session, targets: Targets) -> None:
    target = HttpTarget(parse_url(targets.url("/endless-body")), keyword="never")

    async def flood() -> list[Result]:
        return await asyncio.gather(*(session.prober.probe(target, 20) for _ in range(20)))

    session.runner.run(flood())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = session.runner.run(flood())
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert {result.error for result in results} == {"body did not end within 4 MiB"}
    assert after - before < 64 * 1024


def test_a_cancelled_check_leaves_nothing_behind(session: Session, targets: Targets) -> None:
    urls = [
        targets.url("/hang"),
        targets.url("/endless-body"),
        targets.url("/byte-a-second", tls="good"),
        f"https://127.0.0.1:{targets.ports['silent']}/",
        "http://dead.test/",
        "http://two.test:1/",
    ]

    async def cancel_after(seconds: float) -> None:
        tasks = [
            asyncio.create_task(session.prober.probe(HttpTarget(parse_url(url)), 20))
            for url in urls
        ]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError | Result) for result in results)

    for seconds in (0, 0.001, 0.01, 0.1):
        session.runner.run(cancel_after(seconds))


def test_bad_targets_neither_break_nor_delay_good_ones(session: Session, targets: Targets) -> None:
    bad = [
        targets.url("/hang"),
        targets.url("/endless-body"),
        targets.url("/byte-a-second"),
        targets.url("/garbage"),
        targets.url("/loop"),
        targets.url("/cut"),
        targets.url("/gzip-bomb"),
        targets.url(tls="expired"),
        "http://dead.test/",
        "http://slow.test/",
        "http://nowhere.test/",
        f"http://127.0.0.1:{targets.ports['refused']}/",
        f"https://127.0.0.1:{targets.ports['silent']}/",
    ]
    good = [targets.url(), targets.url(host="good.test"), targets.url("/gzip")]

    async def together() -> tuple[list[Result], list[Result]]:
        wrong = [
            asyncio.create_task(session.prober.probe(HttpTarget(parse_url(url)), 1.5))
            for url in bad * 8
        ]
        right = await asyncio.gather(
            *(session.prober.probe(HttpTarget(parse_url(url)), 1.4) for url in good * 20)
        )
        return await asyncio.gather(*wrong), right

    wrong, right = session.runner.run(together())

    assert [result.error for result in right if not result.ok] == []
    assert all(result.error for result in wrong)


def test_a_single_request_that_fails_raises_the_reason(session: Session, targets: Targets) -> None:
    for path, why in (("/hang", "timed out after 0.2 s while waiting"), ("/nothing", "closed")):
        with pytest.raises(Failure, match=why):
            session.runner.run(session.prober.fetch(Request(parse_url(targets.url(path))), 0.2))
