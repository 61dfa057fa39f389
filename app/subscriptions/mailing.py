"""Sends mails to subscribers, separately from the team's channels and more slowly."""

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

# Connections to the mail server; only one while it fails.
CONNECTIONS = 4
# Mails claimed at a time by a connection.
BATCH = 20
# Seconds before a failing server is tried again: doubled with every failure, up to the maximum.
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 300.0
# Seconds between two searches for mails that have waited too long.
GIVE_UP_SECONDS = 60.0


class MailLoop:
    """Sends due mails, from `start` to `close`, in the event loop it was created in.

    If a worker is killed after sending a mail, another worker sends it again with the same
    Message-ID: at most one mail per connection, because every outcome is stored at once.
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
        """Start the loop."""
        self._rounds.start()

    def wake(self) -> None:
        """Look for due mails now. Call this only from the event loop."""
        self._rounds.wake()

    async def close(self, seconds: float) -> None:
        """Start no more mails, and give those in progress at most `seconds`."""
        self._closing = True
        if not await self._rounds.stop():
            return
        if self._senders:
            await asyncio.wait(self._senders, timeout=seconds)
        for sender in self._senders:
            sender.cancel()
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*self._senders, return_exceptions=True)
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._note()
        except (DatabaseUnavailable, TimeoutError):
            # When their leases expire, another worker sends them again.
            log.warning("%d outcomes of mails were lost", len(self._outcomes))

    async def _round(self) -> None:
        """Create the mails of new incidents and start sending. Raises DatabaseUnavailable."""
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
            # Now, not after creating mails for many incidents: somebody may be waiting for a link.
            await self._begin()

    async def _begin(self) -> None:
        """Start as many connections as are allowed now, to send due mails."""
        if asyncio.get_running_loop().time() < self._rests_until:
            return
        limit = 1 if self._failures else CONNECTIONS
        while len(self._senders) < limit and not self._closing:
            mails = await self._claim()
            if not mails:
                return
            sender = asyncio.create_task(self._send_all(mails))
            self._senders.add(sender)
            sender.add_done_callback(self._ended)

    def _ended(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not sender.cancelled() and (error := sender.exception()) is not None:
            # Its mails are sent again when their leases expire.
            log.error("a connection for mails failed", exc_info=error)
        self.wake()

    async def _claim(self) -> list[Mail]:
        async with self._database.transaction() as session:
            return await claim(session, 1 if self._failures else BATCH)

    async def _send_all(self, mails: list[Mail]) -> None:
        """Send these and further due mails over one connection."""
        left = mails
        begun = False
        try:
            async with connected(self._mailing) as connection:
                while left and not self._closing:
                    # The lease started before the connection, and must outlast the last mail.
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
            # The outcomes are kept, including those of mails to give back.
            log.warning("no mails: %s", error)
            left = left[1:] if begun else []
        except asyncio.CancelledError:
            if begun:
                # It is unknown whether the mail has arrived.
                self._outcomes.append(Outcome(left[0], "the worker was stopped"))
                left = left[1:]
            raise
        finally:
            self._outcomes += [Outcome(mail, begun=False) for mail in left]

    async def _give_back(self, left: list[Mail]) -> list[Mail]:
        """Give back mails there was no time for, and claim more unless the loop is closing."""
        self._outcomes += [Outcome(mail, begun=False) for mail in left]
        await self._note()
        return [] if self._closing else await self._claim()

    async def _send(self, connection: Connection, mail: Mail) -> None:
        """Send a mail and store the outcome. Raises ServerError and DatabaseUnavailable."""
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
            # A bad mail must not prevent the others from being sent.
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
        # Subscribers' addresses must not be logged, and a server's answer may contain one.
        error = outcome.error and outcome.error.replace(outcome.mail.email, "…")
        facts = {"mail_id": outcome.mail.id, "duration_ms": round(seconds * 1000, 1)}
        DELIVERIES.labels("email", "sent" if outcome.error is None else "failed").inc()
        if outcome.error is None:
            log.info("mail %d sent", outcome.mail.id, extra=facts)
        else:
            log.warning("mail %d: %s", outcome.mail.id, error, extra=facts)

    def _rest(self) -> None:
        """Pause sending for a while. The server is then tried with one mail."""
        seconds = min(FIRST_REST_SECONDS * 2.0 ** min(self._failures, 20), LONGEST_REST_SECONDS)
        self._failures += 1
        self._rests_until = asyncio.get_running_loop().time() + seconds

    async def _note(self) -> None:
        """Store the outcomes gathered so far. Raises DatabaseUnavailable."""
        async with self._noting:
            outcomes, self._outcomes = self._outcomes, []
            if not outcomes:
                return
            try:
                await self._store(outcomes)
            except (DatabaseUnavailable, asyncio.CancelledError):
                # Kept for the next round: a lost outcome means that the mail is sent again.
                self._outcomes = outcomes + self._outcomes
                raise
            except Exception:
                # Their leases expire, which counts as an attempt. Others must not wait for them.
                log.exception("the outcomes of %d mails were lost", len(outcomes))

    async def _store(self, outcomes: Sequence[Outcome]) -> None:
        async with self._database.transaction() as session:
            dropped = await note(session, outcomes)
        if dropped:
            log.warning("%d addresses were dropped: their servers permanently refuse mail", dropped)


class _Lost(Exception):
    """The connection can't be used any more."""
