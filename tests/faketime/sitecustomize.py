"""Python loads this at its start: a fix for what libfaketime 0.9.10 breaks.

Where the monotonic clock stays real, its clock_nanosleep still moves the moment to wake up, which
is then long past. Python's sleep uses that call; select() waits for a time and not for a moment.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Sleep as time.sleep does."""
    select.select([], [], [], seconds)


time.sleep = sleep  # type: ignore[assignment]  # its callers give numbers
