"""Sends the outbox's notifications in separate tasks, so that nothing else waits for a channel."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.sealing import CannotOpen, Sealer
from app.database import Database, DatabaseUnavailable
from app.metrics.definitions import DELIVERIES
from app.notifications.apprise import AppriseSender
from app.notifications.failure import DeliveryError
from app.notifications.rounds import Rounds
from app.notifications.sending import Delivery, Outcome, claim, note, retry_misdated, supersede
from app.notifications.webhook import send_webhook
from app.probing.guard import Guard
from app.probing.prober import Prober
from app.probing.result import CheckerFault

log = logging.getLogger(__name__)

# Concurrent attempts per channel; a failing channel gets one (app.notifications.sending).
PER_CHANNEL = 2
# Seconds between two searches for superseded notifications, and those with an impossible time.
SUPERSEDE_SECONDS = 1.0
# Seconds allowed for storing the last outcomes.
NOTE_SECONDS = 2.0


@dataclass
class Lane:
    """Slots for concurrent attempts at channels of one kind: those that work, or those that fail.

    They are separate, so that failing channels, however many, take no slots from working ones.
    """

    kind: str
    failing: bool
    slots: int
    running: set[Delivery] = field(default_factory=set)


class DeliveryLoop:
    """Sends due notifications, from `start` to `close`, in the event loop it was created in.

    Any number of loops, in any number of workers, send nothing twice, unless one is killed between
    sending and storing the outcome: then the same webhook-id is sent again. Every claimed
    notification is attempted at once, so its lease starts with the attempt. The loop uses one
    database connection at a time.
    """

    def __init__(self, database: Database, prober: Prober, guard: Guard, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._prober = prober
        self._apprise = AppriseSender(guard, on_thread_end=self.wake)
        # A waiting webhook costs next to nothing; a waiting Apprise service occupies a thread.
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
        """Start the loop. Apprise is imported in a thread in the meantime."""
        self._apprise.warm_up()
        self._rounds.start()

    def wake(self) -> None:
        """Check the outbox now. Call this only from the event loop."""
        self._rounds.wake()

    async def close(self, seconds: float) -> None:
        """Start nothing new, and give the attempts in progress at most `seconds`.

        Unfinished attempts then count as failed, because it is unknown whether they arrived.
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
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*unfinished, return_exceptions=True)
        stopped = "the worker was stopped"
        self._outcomes += [Outcome(delivery, stopped) for delivery in unfinished.values()]
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._note()
        except (DatabaseUnavailable, TimeoutError):
            # When their leases expire, another worker sends them again.
            log.warning("%d outcomes of notifications were lost", len(self._outcomes))

    async def _round(self) -> None:
        await self._note()
        await self._begin()

    async def _note(self) -> None:
        """Store the outcomes gathered so far. Raises DatabaseUnavailable."""
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes:
            return
        try:
            await self._store(outcomes)
        except (DatabaseUnavailable, asyncio.CancelledError):
            # Kept for the next round: a lost outcome means that the notification is sent again.
            self._outcomes = outcomes + self._outcomes
            raise
        except Exception:
            log.exception("storing %d outcomes failed; trying one by one", len(outcomes))
            for outcome in outcomes:
                try:
                    await self._store([outcome])
                except DatabaseUnavailable:
                    raise
                except Exception:
                    # It is sent again when its lease expires. The others must not wait for it.
                    log.exception("the outcome of notification %d was lost", outcome.delivery.id)

    async def _store(self, outcomes: Sequence[Outcome]) -> None:
        async with self._database.transaction() as session:
            await note(session, outcomes)

    async def _begin(self) -> None:
        """Claim as many notifications as there are free slots, and start sending them."""
        now = asyncio.get_running_loop().time()
        async with self._database.transaction() as session:
            if now - self._superseded_at >= SUPERSEDE_SECONDS:
                await retry_misdated(session)
                await supersede(session)
                self._superseded_at = now
            claimed = [(lane, await self._claim(session, lane)) for lane in self._lanes]
        # Claimed only by the commit; and no transaction stays open while the channels respond.
        for lane, deliveries in claimed:
            for delivery in deliveries:
                lane.running.add(delivery)
                attempt = asyncio.create_task(self._attempt(lane, delivery))
                self._attempts[attempt] = delivery
                attempt.add_done_callback(self._attempts.pop)

    async def _claim(self, session: AsyncSession, lane: Lane) -> list[Delivery]:
        """Claim for the free slots; an abandoned thread that still runs occupies one, too."""
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
                secret = self._sealer.open(delivery.secret or "")
                answer = await send_webhook(
                    self._prober, delivery.url, secret, message_id, delivery.payload
                )
            else:
                answer = await self._apprise.send(
                    delivery.channel_id, delivery.url, delivery.payload
                )
        except DeliveryError as failure:
            error, answer = str(failure), failure.answer
        except CannotOpen as fault:
            # This channel's failure and no other's. Tried again like any, so that it goes on by
            # itself when the key is back.
            error = str(fault)
        except CheckerFault as fault:
            return Outcome(delivery, fault.reason, ours=True)
        except Exception as bug:
            # An exception from one channel's library must not stop the other notifications.
            log.exception("sending notification %d failed", delivery.id)
            error = f"internal error: {type(bug).__name__}"
        return Outcome(delivery, error, answer)
