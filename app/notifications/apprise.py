"""Sends to the services that Apprise supports. It blocks, so every attempt has its own thread."""

import asyncio
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from app.channels.apprise_services import load_service
from app.notifications import confinement
from app.notifications.confinement import Confinement
from app.notifications.failure import DeliveryError
from app.probing.guard import Guard
from app.probing.result import CheckerFault, printable

log = logging.getLogger(__name__)

# Seconds for one attempt, which may be several requests.
APPRISE_SECONDS = 20.0
# Characters of Apprise's log messages that are kept.
LONGEST_ANSWER = 500
# Masking shorter parts of a URL would garble ordinary words.
SHORTEST_SECRET = 3
_PARTS = re.compile(r"[/:@?&=#,+]+")


def text_of(payload: dict[str, Any]) -> tuple[str, str]:
    """Return a payload's title and text for human readers."""
    if payload["event"] == "test":
        return "Stagewatch: test", "This channel works."
    name = payload["monitor"]["name"]
    incident = payload["incident"]
    if payload["event"] == "incident.opened":
        return f"{name} is down", f"Since {incident['opened_at']}: {incident['cause']}"
    down = f"It was down from {incident['opened_at']} to {incident['closed_at']}"
    return f"{name} is up again", f"{down}: {incident['cause']}"


class AppriseSender:
    """Sends through Apprise without ever blocking the event loop.

    The threads are daemons and never joined, so a hanging service can neither fill a pool nor
    delay the end of the process. `on_thread_end` is called in the loop when an abandoned thread
    has ended.
    """

    def __init__(
        self,
        guard: Guard,
        on_thread_end: Callable[[], object],
        *,
        seconds: float = APPRISE_SECONDS,
    ) -> None:
        self._guard = guard
        self._on_thread_end = on_thread_end
        self._seconds = seconds
        self._stuck: Counter[int] = Counter()

    def warm_up(self) -> None:
        """Import Apprise, which takes a second, in a thread before it is needed."""
        threading.Thread(target=_import_apprise, name="apprise-import", daemon=True).start()

    def stuck(self) -> Counter[int]:
        """Return how many abandoned threads still run, by channel."""
        return self._stuck

    async def send(self, channel_id: int, url: str, payload: dict[str, Any]) -> str:
        """Send to the service at `url`; return what is known about its response.

        Raises DeliveryError and CheckerFault.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Told] = loop.create_future()
        confined = Confinement(self._guard)
        title, text = text_of(payload)

        def work() -> None:
            try:
                told = _notify(confined, url, title, text)
            except Exception as error:
                log.exception("Apprise failed")
                told = Told(f"internal error: {type(error).__name__}")
            # The loop may be closed by now: the process is ending, so the outcome is not needed.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._settle, done, channel_id, told)

        try:
            threading.Thread(target=work, name=f"apprise-{channel_id}", daemon=True).start()
        except RuntimeError:
            raise CheckerFault("no more threads can be started") from None
        try:
            async with asyncio.timeout(self._seconds):
                told = await done
        except TimeoutError:
            told = Told(f"timed out after {self._seconds:g} s")
        finally:
            if not done.done() or done.cancelled():
                self._stuck[channel_id] += 1
                confined.end()
        if told.problem:
            raise DeliveryError(told.problem, told.answer)
        return told.answer or "the service accepted it"

    def _settle(self, done: "asyncio.Future[Told]", channel_id: int, told: "Told") -> None:
        if not done.done():
            done.set_result(told)
            return
        self._stuck[channel_id] -= 1
        self._stuck += Counter()  # without those that are at zero
        self._on_thread_end()


@cache
def _import_apprise() -> None:
    load_service("json://localhost")
    logging.getLogger("apprise").addHandler(Listener(logging.INFO))


class Told(NamedTuple):
    """What went wrong, if anything, and what Apprise logged about it."""

    problem: str | None
    answer: str | None = None


class Listener(logging.Handler):
    """Keeps what Apprise logs, per thread: its only information about a service's response."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message if this thread collects messages."""
        lines = _heard.get()
        if lines is not None:
            # A message that can't be formatted must not make the attempt fail.
            with suppress(TypeError, ValueError):
                lines.append(record.getMessage())


_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def without_secrets(lines: Sequence[str], url: str) -> str | None:
    """Return the lines as one, masking parts of the channel's URL: passwords and tokens."""
    line = " ".join(lines)
    parts = _PARTS.split(url.partition("://")[2])
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            line = line.replace(part, "***")
    return printable(line, LONGEST_ANSWER) or None


def _notify(confined: Confinement, url: str, title: str, text: str) -> Told:
    """Send, and return the outcome."""
    confinement.install()
    # Not confined: an import may need more than a notification to a user's URL is allowed.
    _import_apprise()
    from apprise import Apprise

    with confined.entered():
        try:
            # Checked again: the URL was allowed by the version that stored it.
            service = load_service(url)
        except ValueError as error:
            return Told(f"refused: {error}")
        sender = Apprise(asset=service.asset)
        sender.add(service)
        # The thread ends with the attempt, so there is nothing to reset.
        lines: list[str] = []
        _heard.set(lines)
        taken = sender.notify(title=title, body=text)
    answer = without_secrets(lines, url)
    if taken:
        return Told(None, answer)
    return Told(confined.refusal or "the service did not accept it", answer)
