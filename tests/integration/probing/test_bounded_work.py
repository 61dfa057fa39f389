"""Whatever a server sends, the work per turn of the event loop is bounded: counted, not timed."""

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from app.probing.answer import PARTS_LIMIT, Answer
from app.probing.body import Body
from app.probing.http_protocol import READ_SIZE, HttpProtocol
from app.probing.result import Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from tests import targets as behaviours
from tests.integration.probing.conftest import Session
from tests.targets import Targets, answer, fixed

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
MIB = 1024 * 1024

Probe = Callable[..., Result]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, targets: Targets) -> Callable[[bytes], str]:
    """Make the servers answer with these bytes, at the returned URL."""

    def serve(response: bytes, *, tls: str | None = None) -> str:
        monkeypatch.setitem(behaviours.PATHS, "/page", fixed(response))
        return targets.url("/page", tls=tls)

    return serve


@pytest.fixture
def turns(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the most calls in one turn of the loop, by kind."""
    most: Counter[str] = Counter()
    now: Counter[str] = Counter()
    over: list[bool] = []
    loop = session.runner.get_loop()

    def turn() -> None:
        for what, count in now.items():
            most[what] = max(most[what], count)
        now.clear()
        if not over:
            loop.call_soon(turn)

    loop.call_soon(turn)

    def counting(owner: type, name: str, amount: Callable[..., int]) -> None:
        real = getattr(owner, name)

        def count(self: object, *arguments: object) -> None:
            now[name] += amount(*arguments)
            real(self, *arguments)

        monkeypatch.setattr(owner, name, count)

    counting(HttpProtocol, "buffer_updated", lambda size: size)
    counting(Answer, "on_body", lambda data: 1)
    counting(Answer, "on_header", lambda name, value: 1)
    yield most
    over.append(True)


@pytest.mark.parametrize("tls", [None, "good"])
@pytest.mark.parametrize(
    "response",
    [
        answer(b"x" * MIB),
        CHUNKED + b"1\r\nx\r\n" * 15_000 + END,
        b"HTTP/1.1 200 OK\r\n" + b"a:\r\n" * 12_000 + b"Content-Length: 0\r\n\r\n",
    ],
    ids=["one long body", "chunks of one byte", "headers of one letter"],
)
def test_one_answer_does_bounded_work_per_turn_of_the_loop(
    session: Session,
    turns: Counter[str],
    page: Callable[..., str],
    response: bytes,
    tls: str | None,
) -> None:
    result = session.probe(page(response, tls=tls))

    assert result.ok, result.error
    assert 0 < turns["buffer_updated"] <= READ_SIZE
    assert turns["on_body"] <= READ_SIZE / 6 + 1
    assert turns["on_header"] <= READ_SIZE / 4 + 1


def test_concurrent_answers_do_bounded_work_per_turn_of_the_loop(
    session: Session, turns: Counter[str], page: Callable[..., str]
) -> None:
    target = HttpTarget(parse_url(page(CHUNKED + b"1\r\nx\r\n" * 15_000 + END)))

    async def together() -> list[Result]:
        return await asyncio.gather(*(session.prober.probe(target, 20) for _ in range(5)))

    results = session.runner.run(together())

    assert [result.error for result in results] == [None] * 5
    assert turns["buffer_updated"] <= 5 * READ_SIZE


def test_a_body_in_too_many_parts_fails(probe: Probe, page: Callable[..., str]) -> None:
    fits = probe(page(CHUNKED + b"1\r\nx\r\n" * (PARTS_LIMIT - 1) + END))
    too_many = probe(page(CHUNKED + b"1\r\nx\r\n" * (PARTS_LIMIT + 1) + END))

    assert fits.ok, fits.error
    assert too_many.error == f"the body comes in more than {PARTS_LIMIT} parts"


def test_trailers_without_end_fail_like_headers(probe: Probe, page: Callable[..., str]) -> None:
    result = probe(page(CHUNKED + b"0\r\n" + b"a: b\r\n" * 20_000 + b"\r\n"))

    assert result.error == "the headers are longer than 64 KiB"


@pytest.mark.parametrize(
    ("packed", "unpacked", "error"),
    [
        (gzip.compress(b"\0" * (32 * MIB)), MIB + 1, "inflates more than 100 times"),
        # Data after the end is not read, however much there is.
        (gzip.compress(b"well") + gzip.compress(b"\0" * (32 * MIB)) * 8, 4, None),
    ],
    ids=["one bomb", "bombs after the end"],
)
def test_no_more_than_a_mebibyte_is_unpacked(
    probe: Probe,
    page: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    packed: bytes,
    unpacked: int,
    error: str | None,
) -> None:
    made = []
    real = Body._inflate

    def counting(self: Body, data: bytes) -> bytes:
        out = real(self, data)
        made.append(len(out))
        return out

    monkeypatch.setattr(Body, "_inflate", counting)

    result = probe(page(answer(packed, headers=("Content-Encoding: gzip",))))

    assert result.error is None if error is None else error in (result.error or "")
    assert sum(made) == unpacked


def test_connections_of_a_loop_share_one_buffer(session: Session, targets: Targets) -> None:
    """A flood on thousands of connections costs no memory for what is not parsed yet."""
    buffers = set()
    real = HttpProtocol.get_buffer

    def noting(self: HttpProtocol, sizehint: int) -> memoryview:
        buffer = real(self, sizehint)
        buffers.add(id(buffer))
        return buffer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HttpProtocol, "get_buffer", noting)
        target = HttpTarget(parse_url(targets.url("/long")))

        async def together() -> list[Result]:
            return await asyncio.gather(*(session.prober.probe(target, 20) for _ in range(10)))

        results = session.runner.run(together())

    assert all(result.ok for result in results)
    assert len(buffers) == 1
