"""A resource that the checker lacks is never reported as an outage."""

import asyncio
import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.probing.connect import tls_context
from app.probing.result import CheckerFault, Failure, Result, explain
from app.probing.targets import DnsTarget, HttpTarget, TcpTarget
from app.probing.urls import parse_url
from tests.integration.probing.conftest import LOCAL, Session, settle
from tests.nameserver import SERVFAIL, SILENT, NameServer, Zone
from tests.targets import Targets


@contextmanager
def no_files_left() -> Iterator[None]:
    """Use up this process's files; inside the loop, which needs some itself to start."""
    held: list[int] = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 20, before[1]))
    try:
        # The expected error: no file descriptor is left.
        with suppress(OSError):
            while True:
                held.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for file in held:
            os.close(file)


@pytest.mark.parametrize("host", ["127.0.0.1", "good.test", "two.test"])
def test_too_many_open_files_are_no_outage(session: Session, targets: Targets, host: str) -> None:
    target = HttpTarget(parse_url(targets.url(host=host)))
    assert session.probe(target).ok

    async def without_files() -> None:
        with no_files_left():
            with pytest.raises(CheckerFault):
                await session.prober.probe(target, 5)
            with pytest.raises(CheckerFault):
                await session.prober.fetch(target.request, 5)

    session.runner.run(without_files())
    assert session.probe(target).ok


def test_files_that_run_out_for_a_moment_are_no_outage(new_session: Callable[..., Session]) -> None:
    """The name server can't be asked then, and answers the test query a moment later."""
    with NameServer({"good.test": {"A": ["127.0.0.1"]}}) as server:
        session = new_session(nameserver=server.address)

        async def without_files() -> None:
            prober = session.prober
            with no_files_left():
                probe = asyncio.create_task(prober.probe(DnsTarget("good.test", "A"), 5))
                # Until it has asked.
                await asyncio.sleep(0)
            with pytest.raises(CheckerFault, match="open files"):
                await probe
            assert (await prober.probe(DnsTarget("good.test", "A"), 5)).ok

        session.runner.run(without_files())


def test_files_that_run_out_between_lookup_and_connection_are_no_outage(
    session: Session, targets: Targets
) -> None:
    # Refused: an accepted connection would be closed a little later, and free a file then.
    target = TcpTarget("two.test", targets.ports["refused"])

    async def without_files() -> None:
        assert not (await session.prober.probe(target, 5)).ok
        await settle()
        # Its addresses are known from the check before, within the same second.
        with no_files_left(), pytest.raises(CheckerFault, match="open files"):
            await session.prober.probe(target, 5)

    session.runner.run(without_files())


def test_a_certificate_is_verified_without_opening_a_file(
    new_session: Callable[..., Session],
    targets: Targets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be called untrusted if no file could be opened at that moment."""
    authority = tmp_path / "0a1b2c3d.0"
    authority.write_bytes(targets.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    tls_context.cache_clear()
    try:
        session = new_session()
        authority.unlink()

        result = session.probe(targets.url(tls="good"))
    finally:
        monkeypatch.undo()
        tls_context.cache_clear()

    assert result.ok, result.error


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EMFILE, "too many open files"),
        (errno.ENFILE, "too many open files"),
        (errno.ENOMEM, "no memory left"),
        (errno.ENOBUFS, "no memory left"),
        (errno.EADDRNOTAVAIL, "no local port left"),
    ],
)
def test_a_shortage_on_this_machine_is_a_checker_fault(number: int, reason: str) -> None:
    told = explain(OSError(number, os.strerror(number)))

    assert isinstance(told, CheckerFault) and reason in told.reason


def test_too_many_open_files_are_recognised_in_a_combined_error() -> None:
    text = "Multiple exceptions: [Errno 24] Too many open files, [Errno 111] Connect call failed"

    assert isinstance(explain(OSError(text)), CheckerFault)
    assert isinstance(explain(OSError("Multiple exceptions: [Errno 111] no")), Failure)


def test_no_memory_is_no_outage(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("app.probing.http.HttpProtocol", full)

    with pytest.raises(CheckerFault, match="no memory left"):
        session.probe("http://127.0.0.1/")


def test_an_internal_error_is_no_outage_and_is_logged(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CheckerFault, match=r"internal error: .*BOGUS"):
        session.probe(DnsTarget("good.test", "BOGUS"))

    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "target", [TcpTarget("good.test", 80), DnsTarget("good.test", "A")], ids=["tcp", "dns"]
)
def test_a_name_server_that_cannot_be_reached_is_no_outage(
    new_session: Callable[..., Session], targets: Targets, target: TcpTarget | DnsTarget
) -> None:
    session = new_session(nameserver=f"127.0.0.1:{targets.ports['refused']}")

    with pytest.raises(CheckerFault, match="name servers do not answer"):
        session.probe(target)


@pytest.mark.parametrize("all_names", [SILENT, SERVFAIL])
def test_a_name_server_that_answers_nothing_at_all_is_no_outage(
    new_session: Callable[..., Session], all_names: str
) -> None:
    with NameServer({"good.test": all_names, ".": all_names, "@": all_names}) as server:
        session = new_session(nameserver=server.address)

        with pytest.raises(CheckerFault, match="name servers do not answer"):
            session.probe("http://good.test/", timeout=0.3)


@pytest.mark.parametrize("name", [SILENT, SERVFAIL])
def test_a_name_that_fails_where_others_are_answered_is_the_targets_fault(
    new_session: Callable[..., Session], name: str
) -> None:
    with NameServer({"bad.test": name, "good.test": {"A": ["127.0.0.1"]}}) as server:
        session = new_session(nameserver=server.address)

        alone = session.probe("http://bad.test/", timeout=0.3)
        results = session.runner.run(_together(session, ["bad.test", "good.test"]))

    assert alone.error is not None
    assert alone.error.endswith(("while resolving", "failed to answer for bad.test"))
    assert results[0].error == alone.error


@pytest.mark.parametrize("known", ["container.test", "localhost"])
def test_a_name_that_needs_no_name_server_does_not_vouch_for_them(
    new_session: Callable[..., Session], targets: Targets, known: str
) -> None:
    """Docker's resolver knows containers by itself, and fails for others without its own."""
    zone: Zone = {"shop.test": SERVFAIL, ".": SERVFAIL, "@": SERVFAIL}
    zone = {"container.test": {"A": ["127.0.0.1"]}, **zone}
    with NameServer(zone) as server:
        session = new_session(nameserver=server.address)
        ours, shop = (TcpTarget(host, targets.ports["http"]) for host in (known, "shop.test"))

        async def both() -> list[Result | BaseException]:
            probes = (session.prober.probe(target, 5) for target in (ours, shop))
            return await asyncio.gather(*probes, return_exceptions=True)

        reached, unknown = session.runner.run(both())

    assert isinstance(reached, Result) and reached.ok
    assert isinstance(unknown, CheckerFault)
    assert unknown.reason == "the checker's name servers do not answer"


async def _together(session: Session, hosts: list[str]) -> list[Result]:
    probes = (session.prober.probe(DnsTarget(host, "A"), 0.3) for host in hosts)
    return await asyncio.gather(*probes)


def test_a_resolver_that_comes_back_is_used_again(new_session: Callable[..., Session]) -> None:
    with NameServer({"good.test": SILENT, ".": SILENT, "@": SILENT}) as server:
        session = new_session(nameserver=server.address)
        with pytest.raises(CheckerFault):
            session.probe(DnsTarget("good.test", "A"), timeout=0.2)
        server.zone["good.test"] = {"A": ["127.0.0.1"]}

        assert session.probe(DnsTarget("good.test", "A")).ok


def test_a_probe_after_the_end_is_no_outage(new_session: Callable[..., Session]) -> None:
    session = new_session(LOCAL)
    session.runner.run(session.prober.close())

    with pytest.raises(CheckerFault, match="stopping"):
        session.probe("http://good.test/")
