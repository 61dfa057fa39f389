"""Misbehaving targets are failed checks with plain reasons."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from app.probing.result import CheckerFault, Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from tests.integration.probing.conftest import Names, Session
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
        ("/endless-body", "body did not end within 1 MiB"),
        ("/endless-chunks", "body did not end within 1 MiB"),
        ("/long-chunked", "body did not end within 1 MiB"),
        ("/endless-headers", "the headers are longer than 100 KiB"),
        ("/endless-header", "the headers are longer than 100 KiB"),
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


@pytest.mark.parametrize("path", ["/garbage", "/bad-length", "/two-lengths", "/nul"])
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


def test_a_redirect_in_invalid_utf_8_fails_plainly(probe: Probe, targets: Targets) -> None:
    error = probe(targets.url("/invalid-utf-8-location")).error

    assert error is not None
    assert error.startswith("redirect to an address that cannot be used: ")


@pytest.mark.parametrize(
    ("path", "phase"),
    [
        ("/hang", "waiting for the first byte"),
        ("/byte-a-second", "reading the body"),
        ("/header-byte-a-second", "reading the headers"),
        ("/endless-interim", "reading the headers"),
        ("/endless-tiny-chunks", "reading the body"),
    ],
)
def test_the_timeout_bounds_the_whole_check_and_names_the_phase(
    probe: Probe, targets: Targets, path: str, phase: str
) -> None:
    result = probe(targets.url(path), timeout=0.3)

    assert result.error == f"timed out after 0.3 s while {phase}"


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


def test_a_missing_route_is_reported(probe: Probe) -> None:
    assert probe("http://224.0.0.1/").error == "network is unreachable"


def test_of_several_addresses_the_first_says_why(
    probe: Probe, targets: Targets, names: Names
) -> None:
    names.answers["dead.test"] = [["127.0.0.1", "224.0.0.1"]]

    result = probe(f"http://dead.test:{targets.ports['refused']}/")

    assert result.error == "connection refused"


def test_a_request_that_cannot_be_sent_fails_plainly(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url(), headers=(("Host", "one.test"), ("host", "two.test")))

    assert result.error is not None
    assert result.error.startswith("the request cannot be sent: ")


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
        ("failing.test", "the name server failed to answer for failing.test"),
    ],
)
def test_a_name_that_cannot_be_resolved_says_why(probe: Probe, host: str, error: str) -> None:
    assert probe(f"http://{host}/").error == error


def test_a_slow_name_server_counts_towards_the_timeout(probe: Probe) -> None:
    result = probe("http://slow.test/", timeout=0.3)

    assert result.error == "timed out after 0.3 s while resolving"


def test_a_cancelled_check_leaves_nothing_behind(session: Session, targets: Targets) -> None:
    urls = [
        targets.url("/hang"),
        targets.url("/endless-body"),
        targets.url("/byte-a-second", tls="good"),
        f"https://127.0.0.1:{targets.ports['silent']}/",
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


def test_bad_targets_do_not_break_good_ones(session: Session, targets: Targets) -> None:
    bad = [
        targets.url("/hang"),
        targets.url("/endless-body"),
        targets.url("/byte-a-second"),
        targets.url("/garbage"),
        targets.url("/loop"),
        targets.url("/cut"),
        targets.url(tls="expired"),
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
            *(session.prober.probe(HttpTarget(parse_url(url)), 30) for url in good * 20)
        )
        return await asyncio.gather(*wrong), right

    wrong, right = session.runner.run(together())

    assert [result.error for result in right if not result.ok] == []
    assert all(result.error for result in wrong)


def test_a_checker_without_files_has_no_result(session: Session, targets: Targets) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []

    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        with pytest.raises(CheckerFault, match="too many open files"):
            session.probe(targets.url())
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert session.probe(targets.url()).ok


@pytest.mark.parametrize(
    "lacking", [OSError(errno.EMFILE, ""), socket.gaierror(socket.EAI_MEMORY, ""), MemoryError()]
)
def test_a_checker_that_cannot_look_up_has_no_result(
    session: Session, monkeypatch: pytest.MonkeyPatch, lacking: Exception
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise lacking

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    with pytest.raises(CheckerFault, match="the checker"):
        session.probe("http://good.test/")


def test_a_bug_becomes_a_result_and_a_line_in_the_log(
    probe: Probe,
    targets: Targets,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def stumble(*arguments: object) -> None:
        raise RuntimeError("who knows")

    monkeypatch.setattr("app.probing.prober.judge", stumble)

    result = probe(targets.url())

    assert result.error == "internal error: who knows"
    assert "because of a bug" in caplog.text
