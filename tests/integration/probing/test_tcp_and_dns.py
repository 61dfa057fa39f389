"""Checks of ports and of names."""

import asyncio
from collections.abc import Callable

import pytest

from app.probing import resolve
from app.probing.result import Result
from app.probing.targets import DnsTarget, TcpTarget
from tests.integration.probing.conftest import Session
from tests.nameserver import NameServer, Turns
from tests.targets import Targets

Probe = Callable[..., Result]


@pytest.mark.parametrize("port", ["http", "silent", "close", "talks-first"])
def test_a_port_that_accepts_is_up(probe: Probe, targets: Targets, port: str) -> None:
    result = probe(TcpTarget("good.test", targets.ports[port]))

    assert result.ok, result.error
    assert result.timings.connect_ms is not None
    assert result.status_code is None


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("127.0.0.1", "connection refused"),
        ("two.test", "connection refused"),
        ("nowhere.test", "host not found: nowhere.test"),
        ("224.0.0.1", "network is unreachable"),
        ("1.2.3.4.5", "host not found: '1.2.3.4.5' is not a valid IPv4 address"),
    ],
)
def test_a_port_that_cannot_be_connected_to_is_down(
    probe: Probe, targets: Targets, host: str, error: str
) -> None:
    assert probe(TcpTarget(host, targets.ports["refused"])).error == error


@pytest.mark.parametrize(
    ("name", "record_type", "expected"),
    [
        ("mail.test", "A", "192.0.2.7"),
        ("mail.test", "AAAA", "2001:DB8:0::7"),
        ("alias.test", "CNAME", "Good.test."),
        ("alias.test", "A", "127.0.0.1"),
        ("mail.test", "MX", "10 mx1.test"),
        ("mail.test", "MX", "mx2.test."),
        ("mail.test", "NS", "ns2.test"),
        ("mail.test", "TXT", "v=spf1 -all"),
        ("mail.test", "TXT", "two parts"),
        ("mail.test", "SOA", "ns1.test root.test 7 3600 600 86400 300"),
        ("mail.test", "CAA", '0 issue "letsencrypt.org"'),
        ("_sip._tcp.test", "SRV", "1 2 5060 sip.test"),
        ("192.0.2.7", "PTR", "mail.test"),
        ("7.2.0.192.in-addr.arpa", "PTR", "mail.test"),
        ("many.test", "TXT", "x" * 200 + "19"),
    ],
)
def test_an_existing_record_is_found(
    probe: Probe, name: str, record_type: str, expected: str
) -> None:
    there = probe(DnsTarget(name, record_type))
    same = probe(DnsTarget(name, record_type, expected))

    assert there.ok, there.error
    assert same.ok, same.error
    assert there.timings.dns_ms is not None


@pytest.mark.parametrize(
    ("name", "record_type", "expected", "error"),
    [
        ("nowhere.test", "A", None, "host not found: nowhere.test"),
        ("good.test", "MX", None, "no MX record for good.test"),
        ("good.test", "AAAA", None, "no AAAA record for good.test"),
        ("mail.test", "A", "192.0.2.8", "A record is 192.0.2.7, not 192.0.2.8"),
        ("mail.test", "NS", "a.test", "NS record is ns1.test, ns2.test, not a.test"),
        ("failing.test", "A", None, "the name server failed to answer for failing.test"),
        ("localhost.test", "A", None, "host not found: localhost.test"),
    ],
)
def test_a_record_that_is_missing_or_different_fails(
    probe: Probe, name: str, record_type: str, expected: str | None, error: str
) -> None:
    assert probe(DnsTarget(name, record_type, expected)).error == error


def test_a_silent_name_server_ends_at_the_timeout(probe: Probe) -> None:
    result = probe(DnsTarget("dead.test", "A"), timeout=0.2)

    assert result.error == "timed out after 0.2 s while resolving"


def test_a_record_that_changes_is_seen_whatever_its_ttl_says(
    new_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "CHANNEL_SECONDS", 0.05)
    changes = Turns([{"A": ["192.0.2.1"]}, {"A": ["192.0.2.2"]}])
    with NameServer({"moves.test": changes}, ttl=3600) as server:
        session = new_session(nameserver=server.address)
        first = session.probe(DnsTarget("moves.test", "A", "192.0.2.1"))
        session.runner.run(asyncio.sleep(0.06))

        second = session.probe(DnsTarget("moves.test", "A", "192.0.2.2"))

    assert first.ok, first.error
    assert second.ok, second.error


def test_a_name_that_appears_is_seen_although_its_absence_was_cached(
    new_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, targets: Targets
) -> None:
    monkeypatch.setattr(resolve, "CHANNEL_SECONDS", 0.05)
    with NameServer({}, ttl=3600) as server:
        session = new_session(nameserver=server.address)
        first = session.probe(targets.url(host="born.test"))
        server.zone["born.test"] = {"A": ["127.0.0.1"]}
        session.runner.run(asyncio.sleep(0.06))

        second = session.probe(targets.url(host="born.test"))

    assert first.error == "host not found: born.test"
    assert second.ok, second.error


def test_checks_of_one_name_at_one_time_share_a_lookup(
    new_session: Callable[..., Session], targets: Targets
) -> None:
    with NameServer({"shared.test": {"A": ["127.0.0.1"]}}) as server:
        session = new_session(nameserver=server.address)
        target = TcpTarget("shared.test", targets.ports["http"])

        async def together() -> list[Result]:
            return await asyncio.gather(*(session.prober.probe(target, 5) for _ in range(50)))

        assert all(result.ok for result in session.runner.run(together()))
        assert server.queries.count(("shared.test", "A")) == 1
