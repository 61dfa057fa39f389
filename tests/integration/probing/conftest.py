"""Servers for the module, names that resolve to them, and a way to run one check."""

import asyncio
import gc
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.probing import network
from app.probing.prober import Prober, Target
from app.probing.result import Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from tests.targets import Targets

LOCAL = ("127.0.0.0/8", "::1/128", "224.0.0.0/4")

ADDRESSES: dict[str, Sequence[str]] = {
    "good.test": ["127.0.0.1"],
    # Nothing listens on the first one.
    "two.test": ["127.0.0.2", "127.0.0.1"],
    "loopback.test": ["127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "mixed.test": ["93.184.215.14", "127.0.0.1"],
    "mixed6.test": ["93.184.215.14", "::1"],
    "private.test": ["10.1.2.3"],
}


class Names:
    """Replaces the system's resolver, which cannot be pointed at a test's own name server.

    `answers` are used up one by one before `addresses` are; `asked` counts the lookups. The name
    slow.test has no answer until the test is over.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str] | OSError]] = {
            "nowhere.test": [socket.gaierror(socket.EAI_NONAME, "unknown")],
            "failing.test": [socket.gaierror(socket.EAI_AGAIN, "try again")],
        }
        self.asked: list[str] = []
        self.over = threading.Event()
        self._system = socket.getaddrinfo

    def getaddrinfo(self, host: bytes | str, port: int, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        self.asked.append(name)
        if name == "slow.test":
            self.over.wait(20)
        answers = self.answers.get(name)
        answer = answers.pop(0) if answers else ADDRESSES.get(name)
        if isinstance(answer, OSError):
            raise answer
        if answer is None:
            return self._system(host, port, *arguments, **options)
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


@pytest.fixture(scope="session")
def targets() -> Iterator[Targets]:
    with Targets() as servers:
        yield servers


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.over.set()


@pytest.fixture(scope="session", autouse=True)
def trust(targets: Targets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let OpenSSL trust the test's authority, as an operator would their own."""
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(targets.ca_pem)
    patch = pytest.MonkeyPatch()
    patch.setenv("SSL_CERT_FILE", str(file))
    network.tls_context.cache_clear()
    yield
    patch.undo()
    network.tls_context.cache_clear()


class Session:
    """One prober in one event loop; what the loop complains about fails the test."""

    def __init__(self, runner: asyncio.Runner, allowed: tuple[str, ...]) -> None:
        self.runner = runner
        self.prober = Prober(allowed)
        self.complaints: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda loop, told: self.complaints.append(told))

    def probe(self, target: str | Target, timeout: float = 5, **options: Any) -> Result:
        """Return the result of one check of a URL or a target."""
        if isinstance(target, str):
            target = HttpTarget(parse_url(target), **options)
        return self.runner.run(self.prober.probe(target, timeout))


@pytest.fixture
def new_session(names: Names) -> Iterator[Callable[..., Session]]:
    with asyncio.Runner() as runner:
        sessions: list[Session] = []

        def make(allowed: tuple[str, ...] = LOCAL) -> Session:
            session = Session(runner, allowed)
            sessions.append(session)
            return session

        yield make
        names.over.set()
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
