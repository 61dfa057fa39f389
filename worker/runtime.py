"""One event loop beside Celery's process: tasks hand their work over to it.

A task that ran its own loop would end with it, and every check with the task. Here a task only
claims; the checks go on while the process waits for the next one.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop

from app.settings import Settings
from worker.crew import Crew

T = TypeVar("T")


class Runtime:
    """A thread with an event loop and a crew in it, until `close`."""

    def __init__(self, settings: Settings, on_notifications: Callable[[], object]) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crew", daemon=True)
        self._thread.start()
        self._talker = ThreadPoolExecutor(1, thread_name_prefix="talker")
        self._crew = self._run(self._make(settings, on_notifications), 10)

    def run(self, work: Callable[[Crew], Coroutine[Any, Any, T]], seconds: float) -> T:
        """The result of `work`, done in the loop. Raises TimeoutError when it takes longer."""
        return self._run(work(self._crew), seconds)

    def close(self, seconds: float) -> None:
        """Let the crew finish within so many seconds, and end the loop."""
        try:
            self._run(self._crew.close(seconds), seconds + 5)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._talker.shutdown()

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    async def _make(self, settings: Settings, on_notifications: Callable[[], object]) -> Crew:
        # Talking to the broker blocks, and the loop must not.
        return Crew(settings, lambda: self._talker.submit(on_notifications))
