"""Fixtures: servers to check, and a way to run one check on either event loop."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from app.probing.connect import tls_context
from app.probing.prober import Prober
from app.probing.result import Result
from app.probing.targets import HttpTarget, Target
from app.probing.urls import parse_url
from tests.nameserver import REFUSED, SERVFAIL, SILENT, NameServer, Slow, Zone
from tests.targets import Targets

LOCAL = ("127.0.0.0/8", "::1/128", "224.0.0.0/4", "192.0.2.0/24", "2001:db8::/32")

ZONE: Zone = {
    "good.test": {"A": ["127.0.0.1"]},
    "two.test": {"A": ["127.0.0.2", "127.0.0.1"]},
    "alias.test": {"CNAME": ["good.test."]},
    "v6.test": {"AAAA": ["::1"]},
    "mail.test": {
        "MX": ["10 mx1.test.", "20 mx2.test."],
        "TXT": ['"v=spf1 -all"', '"two " "parts"'],
        "NS": ["ns1.test.", "ns2.test."],
        "SOA": ["ns1.test. root.test. 7 3600 600 86400 300"],
        "CAA": ['0 issue "letsencrypt.org"'],
        "A": ["192.0.2.7"],
        "AAAA": ["2001:db8::7"],
    },
    "_sip._tcp.test": {"SRV": ["1 2 5060 sip.test."]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mail.test."]},
    "many.test": {"TXT": [f'"{"x" * 200}{number}"' for number in range(20)]},
    "slow.test": Slow(5, {"A": ["127.0.0.1"]}),
    "dead.test": SILENT,
    "failing.test": SERVFAIL,
    "refusing.test": REFUSED,
    "loopback.test": {"A": ["127.0.0.1"]},
    "metadata.test": {"A": ["169.254.169.254"]},
    "mapped.test": {"AAAA": ["::ffff:127.0.0.1"]},
    "mixed.test": {"A": ["93.184.215.14", "127.0.0.1"]},
    "mixed6.test": {"A": ["93.184.215.14"], "AAAA": ["::1"]},
    "private.test": {"A": ["10.1.2.3"]},
    "3.2.1.10.in-addr.arpa": {"PTR": ["db.corp.test."]},
    "reverse-alias.test": {"CNAME": ["3.2.1.10.in-addr.arpa."]},
    "db.corp.test": {"A": ["10.1.2.3"]},
    "leaky.test": {
        "A": ["10.1.2.3"],
        "CNAME": ["db.corp.test."],
        "MX": ["10 db.corp.test."],
        "NS": ["db.corp.test."],
        "SRV": ["1 2 5060 db.corp.test."],
        "PTR": ["db.corp.test."],
        "TXT": ['"host=db.corp 10.1.2.3"'],
    },
}


@pytest.fixture(scope="session", autouse=True)
def frozen() -> None:
    """Keep what exists already out of the collections below, which are many."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def targets() -> Iterator[Targets]:
    with Targets() as servers:
        yield servers


@pytest.fixture(scope="session")
def names() -> Iterator[NameServer]:
    with NameServer(ZONE) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def trust(targets: Targets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let OpenSSL trust the test's authority, as an operator would their own."""
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(targets.ca_pem)
    patch = pytest.MonkeyPatch()
    patch.setenv("SSL_CERT_FILE", str(file))
    tls_context.cache_clear()
    yield
    patch.undo()
    tls_context.cache_clear()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


class Session:
    """One prober in one event loop; what the loop complains about fails the test."""

    def __init__(self, runner: asyncio.Runner, prober: Prober) -> None:
        self.runner = runner
        self.prober = prober
        self.complaints: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda loop, told: self.complaints.append(told))

    def probe(self, target: str | Target, timeout: float = 5, **options: Any) -> Result:
        """Return the result of one check of a URL or a target."""
        if isinstance(target, str):
            target = HttpTarget(parse_url(target), **options)
        return self.runner.run(self.prober.probe(target, timeout))


@pytest.fixture(params=LOOPS)
def new_session(
    request: pytest.FixtureRequest, names: NameServer
) -> Iterator[Callable[..., Session]]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        sessions: list[Session] = []

        def make(allowed: tuple[str, ...] = LOCAL, nameserver: str = names.address) -> Session:
            session = Session(runner, Prober(allowed, [nameserver]))
            sessions.append(session)
            return session

        yield make
        for session in sessions:
            runner.run(session.prober.close())
            runner.run(settle())
            assert session.complaints == []
    # An unclosed resource warns when it is collected, and a warning is an error here.
    gc.collect()


async def settle() -> None:
    """Run the last callbacks of connections that were just closed."""
    for _ in range(5):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, "a check left a task behind"


@pytest.fixture
def session(new_session: Callable[..., Session]) -> Session:
    return new_session()


@pytest.fixture
def probe(session: Session) -> Callable[..., Result]:
    return session.probe


@pytest.fixture
def guarded(new_session: Callable[..., Session]) -> Callable[..., Result]:
    """Probes with no network allowed."""
    return new_session(()).probe
