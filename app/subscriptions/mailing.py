"""Sends mails to subscribers, beside the delivery to the team's channels and slower than it."""

import asyncio
import logging
import time
from collections.abc import Sequence
from email.message import EmailMessage

from app.database import Database, DatabaseUnavailable
from app.metrics.definitions import DELIVERIES
from app.notifications.delivery import NOTE_SECONDS
from app.notifications.rounds import Rounds
from app.subscriptions.broadcasts import expand
from app.subscriptions.message import message
from app.subscriptions.sending import LEASE_SECONDS, Mail, Outcome, claim, give_up, note
from app.subscriptions.smtp import (
    MAIL_SECONDS,
    Connection,
    MailError,
    Mailing,
    ServerError,
    connected,
)

log = logging.getLogger(__name__)

# Connections to the mail server; while it fails, one.
CONNECTIONS = 4
# Mails that a connection takes at a time.
BATCH = 20
# Seconds for which a server that fails is left alone: doubled with every failure, up to the last.
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 300.0
# Seconds between two looks for mails that have waited too long.
GIVE_UP_SECONDS = 60.0


class MailLoop:
    """Sends what is due, from `start` to `close`, in the event loop that it was made in.

    A mail that was sent when its worker was killed is sent again by another, with the same
    Message-ID: one for each connection at the most, because every outcome is stored at once.
    """

    def __init__(self, database: Database, mailing: Mailing) -> None:
        self._database = database
        self._mailing = mailing
        self._senders: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._noting = asyncio.Lock()
        self._closing = False
        self._failures = 0
        self._rests_until = 0.0
        self._gave_up_at = float("-inf")
        self._rounds = Rounds(self._round, "mails")

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    def wake(self) -> None:
        """Look for mails now. Only to be called in the event loop."""
        self._rounds.wake()

    async def close(self, seconds: float) -> None:
        """Begin no other mail, and give those under way at most `seconds`."""
        self._closing = True
        if not await self._rounds.stop():
            return
        if self._senders:
            await asyncio.wait(self._senders, timeout=seconds)
        for sender in self._senders:
            sender.cancel()
        # Waited for; that they end as cancelled is no fault.
        await asyncio.gather(*self._senders, return_exceptions=True)
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._note()
        except (DatabaseUnavailable, TimeoutError):
            # Their leases end, and another worker sends them again.
            log.warning("%d outcomes of mails are lost", len(self._outcomes))

    async def _round(self) -> None:
        """Make the mails of new incidents, and have them sent. Raises DatabaseUnavailable."""
        await self._note()
        now = asyncio.get_running_loop().time()
        if now - self._gave_up_at >= GIVE_UP_SECONDS:
            async with self._database.transaction() as session:
                await give_up(session)
            self._gave_up_at = now
        more = True
        while more and not self._closing:
            async with self._database.transaction() as session:
                more = await expand(session)
            # Now, and not when the mails of many incidents are made: somebody may wait for a link.
            await self._begin()

    async def _begin(self) -> None:
        """Have connections send what is due, as many as there may be now."""
        if asyncio.get_running_loop().time() < self._rests_until:
            return
        most = 1 if self._failures else CONNECTIONS
        while len(self._senders) < most and not self._closing:
            mails = await self._claim()
            if not mails:
                return
            sender = asyncio.create_task(self._send_all(mails))
            self._senders.add(sender)
            sender.add_done_callback(self._ended)

    def _ended(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not sender.cancelled() and (error := sender.exception()) is not None:
            # Leases bring back what it had.
            log.error("a connection for mails failed", exc_info=error)
        self.wake()

    async def _claim(self) -> list[Mail]:
        async with self._database.transaction() as session:
            return await claim(session, 1 if self._failures else BATCH)

    async def _send_all(self, mails: list[Mail]) -> None:
        """Send these, and what else is due, over one connection."""
        left = mails
        begun = False
        try:
            async with connected(self._mailing) as connection:
                while left and not self._closing:
                    # The lease began before the connection did, and must outlast the last mail.
                    ends_at = time.monotonic() + LEASE_SECONDS - 2 * MAIL_SECONDS
                    while left and not self._closing and time.monotonic() < ends_at:
                        begun = True
                        await self._send(connection, left[0])
                        left, begun = left[1:], False
                    left = await self._give_back(left)
        except _Lost:
            left = left[1:]
            self._rest()
        except ServerError as error:
            log.warning("mail server: %s", error)
            self._outcomes += [Outcome(mail, str(error), begun=False) for mail in left]
            left = []
            self._rest()
        except DatabaseUnavailable as error:
            # The outcomes are kept, also of what was to be given back.
            log.warning("no mails: %s", error)
            left = left[1:] if begun else []
        except asyncio.CancelledError:
            if begun:
                # It is not known whether it has arrived.
                self._outcomes.append(Outcome(left[0], "the worker was stopped"))
                left = left[1:]
            raise
        finally:
            self._outcomes += [Outcome(mail, begun=False) for mail in left]

    async def _give_back(self, left: list[Mail]) -> list[Mail]:
        """Give back what there was no time for, and take what is due then, until the end."""
        self._outcomes += [Outcome(mail, begun=False) for mail in left]
        await self._note()
        return [] if self._closing else await self._claim()

    async def _send(self, connection: Connection, mail: Mail) -> None:
        """Send a mail and store what became of it. Raises ServerError, DatabaseUnavailable."""
        began = time.perf_counter()
        lost = False
        try:
            await connection.send(mail.email, self._message(mail))
            outcome = Outcome(mail)
        except MailError as error:
            lost = error.is_lost
            outcome = Outcome(mail, str(error), permanent=error.permanent, bounced=error.bounced)
        except ServerError:
            raise
        except Exception as bug:
            # What one mail is made of must not keep the others from being sent.
            log.exception("sending mail %d failed", mail.id)
            lost = True
            outcome = Outcome(mail, f"internal error: {type(bug).__name__}")
        if not lost:
            self._failures = 0
        self._log(outcome, time.perf_counter() - began)
        self._outcomes.append(outcome)
        await self._note()
        if lost:
            raise _Lost

    def _message(self, mail: Mail) -> EmailMessage:
        return message(
            sender=self._mailing.sender,
            to=mail.email,
            base=self._mailing.base,
            number=mail.id,
            created_at=mail.created_at,
            event=mail.event,
            payload=mail.payload,
            unsubscribe_token=mail.unsubscribe_token,
        )

    def _log(self, outcome: Outcome, seconds: float) -> None:
        # Who has subscribed is not for the log; a server's answer may name the address.
        error = outcome.error and outcome.error.replace(outcome.mail.email, "…")
        facts = {"mail_id": outcome.mail.id, "duration_ms": round(seconds * 1000, 1)}
        DELIVERIES.labels("email", "sent" if outcome.error is None else "failed").inc()
        if outcome.error is None:
            log.info("mail %d sent", outcome.mail.id, extra=facts)
        else:
            log.warning("mail %d: %s", outcome.mail.id, error, extra=facts)

    def _rest(self) -> None:
        """Leave the server alone for a while. It is tried with one mail then."""
        seconds = min(FIRST_REST_SECONDS * 2.0 ** min(self._failures, 20), LONGEST_REST_SECONDS)
        self._failures += 1
        self._rests_until = asyncio.get_running_loop().time() + seconds

    async def _note(self) -> None:
        """Store the outcomes that have come in. Raises DatabaseUnavailable."""
        async with self._noting:
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
                # Their leases end, which counts as an attempt. The others are not to wait for them.
                log.exception("the outcomes of %d mails are lost", len(outcomes))

    async def _store(self, outcomes: Sequence[Outcome]) -> None:
        async with self._database.transaction() as session:
            dropped = await note(session, outcomes)
        if dropped:
            log.warning("%d addresses are dropped: their servers refuse mail for good", dropped)


class _Lost(Exception):
    """The connection can't be used any more."""
