"""Whether a failed check is its target's failure, or may be the checker's own."""

import asyncio
import logging
from collections.abc import Callable

from app.checks.claiming import Claim
from app.checks.recording import CompletedCheck
from worker.selfcheck import SelfCheck

log = logging.getLogger(__name__)

# Monitors of different targets that must fail, one after the other and with no check in between
# that succeeds, before the checker doubts itself.
SUSPICIOUS = 3
# Failures for which the self-check does not wait any longer.
ENOUGH = 20
# Seconds for which such failures are held back until their cause is clear.
HOLD_SECONDS = 1.0
# Seconds between two self-checks while the checker is cut off, and between two records of what is
# reachable while it is not.
AGAIN_SECONDS = 2.0
LEARN_SECONDS = 60.0

Held = tuple[Claim, CompletedCheck]


class FailureReview:
    """Holds back failures of monitors that were up, as long as no other check succeeds.

    One success shows that the checker can reach others: what was held is stored. If there is none,
    and what fails is of several targets, the checker looks at itself. If it has lost something
    that it had before, the failures are given back, and so are those that follow, until a check
    succeeds or the self-check does. `store` or `give_back` is called for every failure.
    """

    def __init__(
        self,
        selfcheck: SelfCheck,
        *,
        store: Callable[[CompletedCheck], None],
        give_back: Callable[[Claim, str], None],
    ) -> None:
        self._selfcheck = selfcheck
        self._store = store
        self._give_back = give_back
        # Monitors whose last check from here was good.
        self._up: set[int] = set()
        # Where checks failed since the last good one, of monitors that were up.
        self._failing: dict[int, str] = {}
        self._held: list[Held] = []
        self._cut_off: str | None = None
        self._full = asyncio.Event()
        self._some = asyncio.Event()
        self._reviewing = asyncio.create_task(self._review())
        self._learning = asyncio.create_task(self._learn())

    def __len__(self) -> int:
        return len(self._held)

    def passed(self, completed: CompletedCheck, host: str) -> None:
        """Take the result of a check of `host` that succeeded."""
        self._up.add(completed.monitor_id)
        # That this machine reaches itself does not show that it reaches others.
        if (self._failing or self._cut_off) and not _is_local(host):
            self._failing.clear()
            self._cut_off = None
            self._let_go()
        self._store(completed)

    def failed(self, claim: Claim, completed: CompletedCheck, host: str) -> None:
        """Take the result of a check of `host` that failed."""
        if _is_local(host):
            self._up.discard(claim.monitor_id)
            self._store(completed)
            return
        if claim.monitor_id in self._up:
            self._up.discard(claim.monitor_id)
            self._failing[claim.monitor_id] = host
        elif self._cut_off is None and claim.monitor_id not in self._failing:
            # It was down before all this, or has never been up.
            self._store(completed)
            return
        self._held.append((claim, completed))
        self._some.set()
        if len(self._held) >= ENOUGH:
            self._full.set()

    async def close(self) -> None:
        """Stop; what is held is stored."""
        for task in (self._reviewing, self._learning):
            task.cancel()
        # Waited for; that they end as cancelled is no fault.
        await asyncio.gather(self._reviewing, self._learning, return_exceptions=True)
        if self._cut_off is None:
            self._let_go()
        else:
            self._hand_back(self._cut_off)

    async def _review(self) -> None:
        while True:
            await self._some.wait()
            try:
                async with asyncio.timeout(HOLD_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                # Not full, and held for long enough.
                pass
            self._some.clear()
            self._full.clear()
            if not self._held:
                continue  # a check has succeeded meanwhile
            if not self._suspicious():
                self._let_go()
                continue
            missing = await self._selfcheck.missing()
            if not missing:
                self._cut_off = None
                self._failing.clear()
                self._let_go()
                continue
            self._cut_off = "the checker has lost " + " and ".join(missing)
            self._hand_back(self._cut_off)
            await asyncio.sleep(AGAIN_SECONDS)

    def _suspicious(self) -> bool:
        several = len(self._failing) >= SUSPICIOUS and len(set(self._failing.values())) > 1
        return several or self._cut_off is not None

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for _, completed in held:
            self._store(completed)

    def _hand_back(self, reason: str) -> None:
        held, self._held = self._held, []
        for claim, _ in held:
            # As it was before: its next failure is held again.
            self._up.add(claim.monitor_id)
            self._give_back(claim, reason)

    async def _learn(self) -> None:
        while True:
            if not self._failing:
                await self._selfcheck.learn()
            await asyncio.sleep(LEARN_SECONDS)


def _is_local(host: str) -> bool:
    return host.startswith("127.") or host in ("localhost", "::1")
