"""The guard applies after name resolution and at every redirect."""

from collections.abc import Callable

import pytest

from app.probing.result import Result
from tests.integration.probing.conftest import Names, Session
from tests.targets import Targets

Probe = Callable[..., Result]


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("loopback.test", "127.0.0.1 is a loopback address"),
        ("metadata.test", "169.254.169.254 is a link-local address"),
        ("mapped.test", "::ffff:127.0.0.1, which is 127.0.0.1, is a loopback address"),
        ("mixed.test", "127.0.0.1 is a loopback address"),
        ("mixed6.test", "::1 is a loopback address"),
        ("private.test", "10.1.2.3 is a private address"),
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
    new_session: Callable[..., Session], targets: Targets, names: Names
) -> None:
    names.answers["rebind.test"] = [["127.0.0.1"], ["127.0.0.99"]]
    session = new_session(("127.0.0.1/32",))

    result = session.probe(targets.url(host="rebind.test"))

    assert result.ok, result.error
    assert names.asked.count("rebind.test") == 1


def test_a_name_that_is_rebound_to_an_internal_address_is_refused(
    new_session: Callable[..., Session], targets: Targets, names: Names
) -> None:
    names.answers["rebind.test"] = [["127.0.0.1"], ["127.0.0.99"]]
    session = new_session(("127.0.0.1/32",))

    first = session.probe(targets.url(host="rebind.test"))
    second = session.probe(targets.url(host="rebind.test"))

    assert first.ok
    assert second.error is not None and "127.0.0.99" in second.error


def test_proxy_variables_do_not_bypass_the_guard(
    guarded: Probe, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, targets.url(""))
    before = len(targets.requests)

    result = guarded("http://169.254.169.254/latest")

    assert result.error is not None and result.error.startswith("address refused: ")
    assert len(targets.requests) == before
