"""The guard applies after name resolution and at every redirect."""

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


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("loopback.test", "the address of loopback.test is a loopback address"),
        ("metadata.test", "the address of metadata.test is a link-local address"),
        ("mapped.test", "the address of mapped.test is a loopback address"),
        ("mixed.test", "the address of mixed.test is a loopback address"),
        ("mixed6.test", "the address of mixed6.test is a loopback address"),
        ("private.test", "the address of private.test is a private address"),
        ("localhost", "is a loopback address"),
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("2130706433", "127.0.0.1 is a loopback address"),
        ("0x7f.1", "127.0.0.1 is a loopback address"),
        ("127.1", "127.0.0.1 is a loopback address"),
        ("0177.0.0.1", "127.0.0.1 is a loopback address"),
        ("[::1]", "::1 is a loopback address"),
        ("[::ffff:7f00:1]", "127.0.0.1, is a loopback address"),
        ("0", "0.0.0.0 is an unspecified address"),
    ],
)
def test_a_host_that_leads_inside_is_refused(
    guarded: Probe, targets: Targets, host: str, shown: str
) -> None:
    before = len(targets.requests)

    result = guarded(f"http://{host}:{targets.ports['http']}/ok")

    assert result.error is not None
    assert result.error.startswith("address refused: ") and shown in result.error
    assert result.timings.connect_ms is None
    assert len(targets.requests) == before


@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest", "http://metadata.test/", "http://[::ffff:10.0.0.1]/"]
)
def test_a_redirect_that_leads_inside_is_refused(probe: Probe, targets: Targets, to: str) -> None:
    result = probe(targets.url(f"/redirect?to={to}"))

    assert result.error is not None
    assert result.error.startswith("address refused: ")
    assert result.error.endswith(f"(redirected to {to})")


def test_the_address_that_was_checked_is_the_one_connected_to(
    new_session: Callable[..., Session], targets: Targets
) -> None:
    changes = Turns([{"A": ["127.0.0.1"]}, {"A": ["127.0.0.99"]}])
    with NameServer({"rebind.test": changes}, ttl=0) as server:
        session = new_session(("127.0.0.1/32",), server.address)

        result = session.probe(targets.url(host="rebind.test"))

        assert result.ok, result.error
        assert server.queries.count(("rebind.test", "A")) == 1


def test_a_name_that_is_rebound_to_an_internal_address_is_refused(
    new_session: Callable[..., Session], targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "CHANNEL_SECONDS", 0.05)
    changes = Turns([{"A": ["127.0.0.1"]}, {"A": ["127.0.0.99"]}])
    with NameServer({"rebind.test": changes}, ttl=0) as server:
        session = new_session(("127.0.0.1/32",), server.address)
        first = session.probe(targets.url(host="rebind.test"))
        session.runner.run(asyncio.sleep(0.06))

        second = session.probe(targets.url(host="rebind.test"))

    assert first.ok
    assert second.error is not None and second.error.startswith("address refused: ")


def test_a_tcp_target_that_leads_inside_is_refused(session: Session, guarded: Probe) -> None:
    result = guarded(TcpTarget("loopback.test", 80))

    assert result.error is not None and result.error.startswith("address refused: ")


@pytest.mark.parametrize(
    ("name", "record_type"),
    [
        ("10.1.2.3", "PTR"),
        ("::1", "PTR"),
        ("3.2.1.10.in-addr.arpa", "PTR"),
        ("3.2.1.10.in-addr.arpa", "CNAME"),
        ("3.2.1.10.in-addr.arpa", "TXT"),
        ("10.in-addr.arpa", "NS"),
        ("_http._tcp.3.2.1.10.in-addr.arpa", "SRV"),
        ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "PTR"),
        ("reverse-alias.test", "PTR"),
        ("private.test", "A"),
        ("mixed.test", "A"),
        ("mixed6.test", "AAAA"),
    ],
)
def test_a_dns_check_does_not_look_inside(guarded: Probe, name: str, record_type: str) -> None:
    result = guarded(DnsTarget(name, record_type, "something else"))

    assert result.error is not None and result.error.startswith("address refused: ")
    assert "10.1.2.3 " not in result.error and "internal" not in result.error


@pytest.mark.parametrize("record_type", ["CNAME", "MX", "NS", "SRV", "PTR", "TXT"])
def test_a_record_that_names_an_internal_host_is_not_shown(
    guarded: Probe, record_type: str
) -> None:
    result = guarded(DnsTarget("leaky.test", record_type, "something else"))

    assert result.error is not None and result.error.startswith("address refused: ")
    assert "corp" not in result.error and "10.1.2.3" not in result.error


def test_an_operator_who_allows_the_network_sees_its_names(
    new_session: Callable[..., Session],
) -> None:
    session = new_session(("10.0.0.0/8",))

    by_address = session.probe(DnsTarget("10.1.2.3", "PTR", "db.corp.test"))
    by_name = session.probe(DnsTarget("3.2.1.10.in-addr.arpa", "PTR", "other.test"))

    assert by_address.ok, by_address.error
    assert by_name.error == "PTR record is db.corp.test, not other.test"
