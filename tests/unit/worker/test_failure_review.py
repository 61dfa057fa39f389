"""Failures are held back until their cause is clear."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from app.checks.claiming import Claim
from app.checks.recording import CompletedCheck
from app.probing.result import Result, Timings
from worker import failure_review
from worker.failure_review import FailureReview
from worker.selfcheck import SelfCheck

NOW = datetime.now(UTC)


class Surroundings(SelfCheck):
    """Surroundings of the checker that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.there = {"a route", "a name server"}
        self.asked = 0

    async def _facts(self) -> set[str]:
        self.asked += 1
        return set(self.there)


class Scene:
    """A review, what it stored and what it gave back."""

    def __init__(self) -> None:
        self.surroundings = Surroundings()
        self.stored: list[tuple[int, bool]] = []
        self.given_back: list[int] = []
        self.reasons: set[str] = set()
        self.review = FailureReview(self.surroundings, store=self._store, give_back=self._give_back)

    def _store(self, completed: CompletedCheck) -> None:
        self.stored.append((completed.monitor_id, completed.result.ok))

    def _give_back(self, claim: Claim, reason: str) -> None:
        self.given_back.append(claim.monitor_id)
        self.reasons.add(reason)

    def good(self, monitor_id: int, host: str = "") -> None:
        self.review.passed(self._completed(monitor_id, None), host or f"{monitor_id}.test")

    def bad(self, monitor_id: int, host: str = "") -> None:
        # Nothing else of a claim is used.
        claim = cast("Claim", SimpleNamespace(monitor_id=monitor_id))
        completed = self._completed(monitor_id, "timed out")
        self.review.failed(claim, completed, host or f"{monitor_id}.test")

    def all_good(self, number: int, host: str = "") -> None:
        for monitor_id in range(number):
            self.good(monitor_id, host)

    def all_bad(self, number: int, host: str = "") -> None:
        for monitor_id in range(number):
            self.bad(monitor_id, host)

    def _completed(self, monitor_id: int, error: str | None) -> CompletedCheck:
        return CompletedCheck(
            monitor_id, NOW, NOW, Result(error is None, 1.0, Timings(), None, error)
        )

    async def until(self, state: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not state():  # noqa: ASYNC110 (it sends no event)
                await asyncio.sleep(0.01)


def play(scenes: Callable[[Scene], Awaitable[None]]) -> Scene:
    async def run() -> Scene:
        scene = Scene()
        # The surroundings at its start are learnt in its first turn.
        await scene.until(lambda: scene.surroundings.asked)
        await scenes(scene)
        await scene.review.close()
        return scene

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_review, "HOLD_SECONDS", 0.05)
    monkeypatch.setattr(failure_review, "AGAIN_SECONDS", 0.05)


def test_a_failure_of_a_target_that_was_never_up_is_stored_at_once() -> None:
    async def scenes(scene: Scene) -> None:
        scene.bad(1)
        assert scene.stored == [(1, False)]

    play(scenes)


def test_a_failure_is_stored_when_another_check_succeeds() -> None:
    async def scenes(scene: Scene) -> None:
        scene.good(1)
        scene.good(2)
        scene.bad(1)
        assert (1, False) not in scene.stored
        scene.good(2)
        assert (1, False) in scene.stored

    play(scenes)


def test_one_failure_with_no_other_check_near_is_stored_after_a_moment() -> None:
    async def scenes(scene: Scene) -> None:
        scene.good(1)
        scene.bad(1)
        await scene.until(lambda: (1, False) in scene.stored)

    scene = play(scenes)

    assert scene.given_back == []


def test_when_all_fail_and_the_checker_has_lost_its_route_nothing_is_stored() -> None:
    async def scenes(scene: Scene) -> None:
        scene.all_good(30)
        scene.surroundings.there = {"a name server"}
        scene.all_bad(30)
        await scene.until(lambda: len(scene.given_back) == 30)
        # The repeated checks fail again.
        scene.all_bad(30)
        await scene.until(lambda: len(scene.given_back) == 60)

    scene = play(scenes)

    assert [ok for _, ok in scene.stored] == [True] * 30
    assert scene.reasons == {"the checker has lost a route"}


def test_all_failures_are_stored_if_the_checker_lacks_nothing() -> None:
    async def scenes(scene: Scene) -> None:
        scene.all_good(30)
        scene.all_bad(30)
        await scene.until(lambda: len(scene.stored) == 60)

    assert play(scenes).given_back == []


def test_resources_that_were_never_there_are_not_missed() -> None:
    async def scenes(scene: Scene) -> None:
        scene.surroundings.there = set()
        await scene.surroundings.learn()
        await scene.surroundings.learn()
        scene.all_good(30)
        scene.all_bad(30)
        await scene.until(lambda: len(scene.stored) == 60)

    assert play(scenes).given_back == []


def test_the_same_target_many_times_is_an_outage_of_that_target() -> None:
    async def scenes(scene: Scene) -> None:
        scene.all_good(30, "one.test")
        scene.surroundings.there = set()
        scene.all_bad(30, "one.test")
        await scene.until(lambda: len(scene.stored) == 60)

    assert play(scenes).given_back == []


def test_reaching_this_machine_itself_proves_nothing_about_others() -> None:
    async def scenes(scene: Scene) -> None:
        scene.all_good(5)
        scene.surroundings.there = set()
        for monitor_id in range(5):
            scene.bad(monitor_id)
            scene.good(100, "localhost")
        await scene.until(lambda: len(scene.given_back) == 5)

    play(scenes)


def test_outages_are_stored_again_once_the_route_is_back() -> None:
    async def scenes(scene: Scene) -> None:
        scene.all_good(5)
        scene.surroundings.there = set()
        scene.all_bad(5)
        await scene.until(lambda: len(scene.given_back) == 5)
        scene.surroundings.there = {"a route", "a name server"}
        scene.good(0)
        for monitor_id in range(1, 5):
            scene.bad(monitor_id)
        await scene.until(lambda: len(scene.stored) == 5 + 1 + 4)

    play(scenes)
