"""Empties the outbox in separate tasks, so that nothing else waits for a channel."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, DatabaseUnavailable
from app.metrics.definitions import DELIVERIES
from app.notifications.apprise import AppriseSender
from app.notifications.failure import DeliveryError
from app.notifications.rounds import Rounds
from app.notifications.sending import Delivery, Outcome, claim, note, supersede
from app.notifications.webhook import send_webhook
from app.probing.failure import CheckerFault
from app.probing.guard import Guard
from app.probing.prober import Prober

log = logging.getLogger(__name__)

# Attempts at one channel at a time; at one that has failed, one (app.notifications.sending).
PER_CHANNEL = 2
# Seconds between two searches for what has been overtaken.
SUPERSEDE_SECONDS = 1.0
# Seconds that the last outcomes may take to be stored.
NOTE_SECONDS = 2.0


@dataclass
class Lane:
    """Attempts that may be under way at once at channels of a kind that work, or that fail.

    The two have separate slots, so that failing channels, however many, take none from good ones.
    """

    kind: str
    failing: bool
    slots: int
    running: set[Delivery] = field(default_factory=set)


class DeliveryLoop:
    """Sends what is due, from `start` to `close`, in the event loop that it was made in.

    Several at once, in however many workers, send nothing twice, unless one is killed between
    sending and storing the outcome: then the same webhook-id comes again. All that is claimed
    starts at once, so the lease runs while the attempt does. One connection to the database is
    used at a time.
    """

    def __init__(self, database: Database, prober: Prober, guard: Guard) -> None:
        self._database = database
        self._prober = prober
        self._apprise = AppriseSender(guard, on_thread_end=self.wake)
        # Webhooks cost next to nothing while they wait, services of Apprise a thread.
        self._lanes = [
            Lane("webhook", failing=False, slots=64),
            Lane("webhook", failing=True, slots=32),
            Lane("apprise", failing=False, slots=24),
            Lane("apprise", failing=True, slots=8),
        ]
        self._attempts: dict[asyncio.Task[None], Delivery] = {}
        self._outcomes: list[Outcome] = []
        self._superseded_at = float("-inf")
        self._rounds = Rounds(self._round, "delivery")

    def start(self) -> None:
        """Begin. Apprise is imported meanwhile, in a thread."""
        self._apprise.warm_up()
        self._rounds.start()

    def wake(self) -> None:
        """Look at the outbox now. Only to be called in the event loop."""
        self._rounds.wake()

    async def close(self, seconds: float) -> None:
        """Begin nothing more, and give the attempts under way at most `seconds`.

        What has not ended then counts as failed, because it is not known whether it arrived.
        """
        if not await self._rounds.stop():
            return
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=seconds)
        unfinished = {
            attempt: delivery for attempt, delivery in self._attempts.items() if not attempt.done()
        }
        for attempt in unfinished:
            attempt.cancel()
        # Waited for; that they end as cancelled is no fault.
        await asyncio.gather(*unfinished, return_exceptions=True)
        stopped = "the worker was stopped"
        self._outcomes += [Outcome(delivery, stopped) for delivery in unfinished.values()]
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._note()
        except (DatabaseUnavailable, TimeoutError):
            # Their leases end, and another worker sends them again.
            log.warning("%d outcomes of notifications are lost", len(self._outcomes))

    async def _round(self) -> None:
        await self._note()
        await self._begin()

    async def _note(self) -> None:
        """Store the outcomes that have come in. Raises DatabaseUnavailable."""
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes:
            return
        try:
            await self._store(outcomes)
        except (DatabaseUnavailable, asyncio.CancelledError):
            # Kept for the next round: a lost outcome would mean that it is sent again.
            self._outcomes = outcomes + self._outcomes
            raise
        except Exception:
            log.exception("noting %d outcomes failed; trying one by one", len(outcomes))
            for outcome in outcomes:
                try:
                    await self._store([outcome])
                except DatabaseUnavailable:
                    raise
                except Exception:
                    # Its lease ends, and it is sent again. The others are not to wait for it.
                    log.exception("the outcome of notification %d is lost", outcome.delivery.id)

    async def _store(self, outcomes: Sequence[Outcome]) -> None:
        async with self._database.transaction() as session:
            await note(session, outcomes)

    async def _begin(self) -> None:
        """Claim what there are slots for, and begin it."""
        now = asyncio.get_running_loop().time()
        async with self._database.transaction() as session:
            if now - self._superseded_at >= SUPERSEDE_SECONDS:
                await supersede(session)
                self._superseded_at = now
            claimed = [(lane, await self._claim(session, lane)) for lane in self._lanes]
        # Only now are they ours, and no transaction is open while the channels take their time.
        for lane, deliveries in claimed:
            for delivery in deliveries:
                lane.running.add(delivery)
                attempt = asyncio.create_task(self._attempt(lane, delivery))
                self._attempts[attempt] = delivery
                attempt.add_done_callback(self._attempts.pop)

    async def _claim(self, session: AsyncSession, lane: Lane) -> list[Delivery]:
        """Take what there are slots for. A thread that was given up and still runs has one, too."""
        stuck = self._apprise.stuck()
        occupied = len(lane.running) + (stuck.total() if lane.kind == "apprise" else 0)
        if occupied >= lane.slots:
            return []
        return await claim(
            session,
            lane.kind,
            failing=lane.failing,
            limit=lane.slots - occupied,
            per_channel=PER_CHANNEL,
            busy=Counter(d.channel_id for d in self._attempts.values()) + stuck,
        )

    async def _attempt(self, lane: Lane, delivery: Delivery) -> None:
        began = time.perf_counter()
        try:
            outcome = await self._send(delivery)
        finally:
            lane.running.discard(delivery)
            self.wake()
        facts = {
            "notification_id": delivery.id,
            "channel_id": delivery.channel_id,
            "monitor_id": delivery.monitor_id,
            "request_id": delivery.request_id,
            "duration_ms": round((time.perf_counter() - began) * 1000, 1),
        }
        result = "sent" if outcome.error is None else "failed"
        DELIVERIES.labels(delivery.kind, result).inc()
        if outcome.error is None:
            log.info("notification %d sent", delivery.id, extra=facts)
        else:
            log.warning(
                "notification %d, attempt %d: %s",
                delivery.id,
                delivery.attempts,
                outcome.error,
                extra=facts,
            )
        self._outcomes.append(outcome)

    async def _send(self, delivery: Delivery) -> Outcome:
        error: str | None = None
        answer: str | None = None
        try:
            if delivery.kind == "webhook":
                message_id = f"notification-{delivery.id}"
                secret = delivery.secret or ""
                answer = await send_webhook(
                    self._prober, delivery.url, secret, message_id, delivery.payload
                )
            else:
                answer = await self._apprise.send(
                    delivery.channel_id, delivery.url, delivery.payload
                )
        except DeliveryError as failure:
            error, answer = str(failure), failure.answer
        except CheckerFault as fault:
            return Outcome(delivery, fault.reason, ours=True)
        except Exception as bug:
            # What one channel's library raises must not keep the others from being notified.
            log.exception("sending notification %d failed", delivery.id)
            error = f"internal error: {type(bug).__name__}"
        return Outcome(delivery, error, answer)
