"""Rounds of work: none is interrupted, and a failed one does not stop the next."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.database import DatabaseUnavailable
from app.notifications import rounds
from app.notifications.rounds import Rounds


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


def test_a_running_round_is_finished_when_stopping() -> None:
    async def test() -> None:
        begun, done = asyncio.Event(), []

        async def work() -> None:
            begun.set()
            await asyncio.sleep(0.1)
            done.append("committed, and noted")

        beside = Rounds(work, "work")
        beside.start()
        await begun.wait()

        assert await beside.stop()

        assert done == ["committed, and noted"]

    run(test)


def test_a_round_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "STOP_SECONDS", 0.1)

    async def test() -> None:
        begun = asyncio.Event()

        async def hang() -> None:
            begun.set()
            await asyncio.Event().wait()

        beside = Rounds(hang, "work")
        beside.start()
        await begun.wait()

        assert await beside.stop()

    run(test)


@pytest.mark.parametrize("fault", [DatabaseUnavailable("it is away"), ValueError("a bug")])
def test_a_failed_round_is_followed_by_another_one(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr(rounds, "POLL_SECONDS", 0.05)

    async def test() -> None:
        again = asyncio.Event()
        faults = [fault]

        async def work() -> None:
            if faults:
                raise faults.pop()
            again.set()

        beside = Rounds(work, "work")
        beside.start()

        await again.wait()

        await beside.stop()

    run(test)


def test_stopping_rounds_that_never_started_has_no_effect() -> None:
    async def test() -> None:
        async def work() -> None: ...

        assert not await Rounds(work, "work").stop()

    run(test)
