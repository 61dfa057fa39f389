"""Decides whether a failed check is the target's fault, or may be the checker's own."""

import asyncio
import logging
from collections.abc import Callable

from app.checks.claiming import Claim
from app.checks.recording import CompletedCheck
from worker.selfcheck import SelfCheck

log = logging.getLogger(__name__)

# Monitors of different targets that must fail in a row, with no successful check in between, before
# the checker doubts itself.
SUSPICIOUS = 3
# Held failures at which the self-check does not wait any longer.
ENOUGH = 20
# Seconds for which failures are held back until their cause is clear.
HOLD_SECONDS = 1.0
# Seconds between two self-checks while the checker is cut off, and between two records of what is
# reachable at other times.
AGAIN_SECONDS = 2.0
LEARN_SECONDS = 60.0

Held = tuple[Claim, CompletedCheck]


class FailureReview:
    """Holds back failures of monitors that were up, as long as no other check succeeds.

    One success shows that the checker can reach other hosts, so the held failures are stored. If
    there is none, and several targets fail, the checker runs a self-check. If it has lost something
    that it had before, these failures and any further ones are given back, until a check or the
    self-check succeeds. `store` or `give_back` is called for every failure.
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
        # Monitors whose last check from here succeeded.
        self._up: set[int] = set()
        # Hosts of monitors that were up and have failed since the last successful check.
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
        """Handle the result of a successful check of `host`."""
        self._up.add(completed.monitor_id)
        # Reaching itself does not show that this machine can reach others.
        if (self._failing or self._cut_off) and not _is_local(host):
            self._failing.clear()
            self._cut_off = None
            self._let_go()
        self._store(completed)

    def failed(self, claim: Claim, completed: CompletedCheck, host: str) -> None:
        """Handle the result of a failed check of `host`."""
        if _is_local(host):
            self._up.discard(claim.monitor_id)
            self._store(completed)
            return
        if claim.monitor_id in self._up:
            self._up.discard(claim.monitor_id)
            self._failing[claim.monitor_id] = host
        elif self._cut_off is None and claim.monitor_id not in self._failing:
            # It was down before this, or has never been up.
            self._store(completed)
            return
        self._held.append((claim, completed))
        self._some.set()
        if len(self._held) >= ENOUGH:
            self._full.set()

    async def close(self) -> None:
        """Stop; held failures are stored, or given back if the checker is cut off."""
        for task in (self._reviewing, self._learning):
            task.cancel()
        # Wait for them; ending as cancelled is not an error.
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
                # Not many failures, but held for long enough.
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
            # Restore its earlier state, so that its next failure is held again.
            self._up.add(claim.monitor_id)
            self._give_back(claim, reason)

    async def _learn(self) -> None:
        while True:
            if not self._failing:
                await self._selfcheck.learn()
            await asyncio.sleep(LEARN_SECONDS)


def _is_local(host: str) -> bool:
    return host.startswith("127.") or host in ("localhost", "::1")
