"""A deadline around a check: asyncio.timeout at a third of its cost, which each check would pay."""

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """Cancels the current task's work in the `with` block after `seconds`, as a TimeoutError.

    `expired` tells that TimeoutError from one of the operating system's.
    """

    __slots__ = ("_cancelling", "_handle", "_seconds", "_task", "expired")

    _handle: asyncio.TimerHandle
    _task: "asyncio.Task[object]"
    _cancelling: int

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task that it can cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = task.get_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()
        # Cancelled from elsewhere as well, it must stay cancelled.
        if (
            self.expired
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
