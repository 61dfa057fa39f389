"""An event loop in another thread, for servers that a test talks to."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class BackgroundServers:
    """Runs `start` in its loop on entry, and `stop` on exit; both are for the subclass to fill."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        # A connection closed by the client is not an error of the server.
        self._loop.set_exception_handler(lambda loop, context: None)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns, run in the servers' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def start(self) -> None:
        """Open the servers."""

    async def stop(self) -> None:
        """Close the servers."""

    async def _end(self) -> None:
        await self.stop()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        # Wait for them; being cancelled is not an error.
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)
