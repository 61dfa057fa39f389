"""Health checks that see a stall, and not just a process.

Worker and beat touch a file when they have done their work: the worker when it has claimed what
is due from PostgreSQL, beat when it has sent a wake-up. The worker also notes when it lacks what
checks need. Exit code 0 if the work was done a moment ago and nothing is lacking.

    python -m worker.health beat|worker
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

# Seconds. Beat sends every second, a worker claims more than once in two, woken or not.
STALL_SECONDS = {"beat": 15, "worker": 20}
# Seconds for which a fault of the checker itself may last without one good check in between.
FAULT_SECONDS = 30


def _file(name: str, what: str) -> Path:
    return Path(tempfile.gettempdir()) / f"stagewatch-{name}-{what}"


def alive(name: str) -> None:
    """Note that `name` has just done its work."""
    file = _file(name, "alive")
    # By the clock that it is compared with, which a file system's need not be.
    now = time.time()
    try:
        # Opens no file: there may be none left to open.
        os.utime(file, (now, now))
    except FileNotFoundError:
        file.touch()
        os.utime(file, (now, now))


class FaultNote:
    """A note that `name` lacks something itself.

    The file is opened at once and kept: it may be open files that are lacking later.
    """

    # All of it is written by one call, so a reader finds the old text or the new one.
    _BYTES = 1024

    def __init__(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        self._file = os.open(_file(name, "fault"), flags, 0o600)

    def write(self, reason: str, since: float) -> None:
        """Note what is lacking, and since when, by time.time()."""
        text = json.dumps({"reason": reason[:300], "since": since, "last": time.time()})
        os.pwrite(self._file, text.encode().ljust(self._BYTES), 0)

    def clear(self) -> None:
        """Note that nothing is lacking any more."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def problem(name: str) -> str | None:
    """Return what is wrong with `name`, in a sentence, or None."""
    try:
        idle = time.time() - _file(name, "alive").stat().st_mtime
    except FileNotFoundError:
        return f"{name} has not begun to work"
    if idle > STALL_SECONDS[name]:
        return f"{name} has done nothing for {idle:.0f} s"
    try:
        text = _file(name, "fault").read_text()
    except FileNotFoundError:
        # It has never had one.
        return None
    if not text:
        return None
    noted = json.loads(text)
    now = time.time()
    # One that has not come again has gone, although no check has succeeded since.
    if now - noted["last"] < FAULT_SECONDS <= now - noted["since"]:
        return f"no check can be made for {now - noted['since']:.0f} s: {noted['reason']}"
    return None


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 healthy, 1 unhealthy, 2 wrong usage."""
    if len(arguments) != 1 or arguments[0] not in STALL_SECONDS:
        print("usage: python -m worker.health beat|worker", file=sys.stderr)
        return 2
    if found := problem(arguments[0]):
        print(found)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
