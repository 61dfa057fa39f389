"""Health checks that detect a stall, not just a missing process.

Worker and beat touch a file when they have done their work: the worker when it has claimed due
checks from PostgreSQL, beat when it has sent a wake-up. The worker also records when it lacks
something that checks need. Exit code 0 if the work was done recently and nothing is lacking.

    python -m worker.health beat|worker
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

# Seconds. Beat sends every second; a worker claims more often than every two, woken or not.
STALL_SECONDS = {"beat": 15, "worker": 20}
# Seconds for which the checker's own fault may last without a successful check in between.
FAULT_SECONDS = 30


def _file(name: str, what: str) -> Path:
    return Path(tempfile.gettempdir()) / f"stagewatch-{name}-{what}"


def alive(name: str) -> None:
    """Record that `name` has just done its work."""
    file = _file(name, "alive")
    # From the clock that it is compared with; a file system may use another one.
    now = time.time()
    try:
        # Opens no file, because the limit of open files may be reached.
        os.utime(file, (now, now))
    except FileNotFoundError:
        file.touch()
        os.utime(file, (now, now))


class FaultNote:
    """A note that `name` itself lacks something.

    The file is opened in advance and kept open, because open files may be what is lacking later.
    """

    # Written in one call, so a reader sees either the old text or the new one.
    _BYTES = 1024

    def __init__(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        self._file = os.open(_file(name, "fault"), flags, 0o600)

    def write(self, reason: str, since: float) -> None:
        """Record what is lacking, and since when (time.time())."""
        text = json.dumps({"reason": reason[:300], "since": since, "last": time.time()})
        os.pwrite(self._file, text.encode().ljust(self._BYTES), 0)

    def clear(self) -> None:
        """Record that nothing is lacking any more."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def problem(name: str) -> str | None:
    """Return what is wrong with `name`, in a sentence, or None."""
    try:
        idle = time.time() - _file(name, "alive").stat().st_mtime
    except FileNotFoundError:
        return f"{name} has not started working"
    if idle > STALL_SECONDS[name]:
        return f"{name} has done nothing for {idle:.0f} s"
    try:
        text = _file(name, "fault").read_text()
    except FileNotFoundError:
        # It has never written a note.
        return None
    if not text:
        return None
    noted = json.loads(text)
    now = time.time()
    # A fault that has not recurred is over, even if no check has succeeded since.
    if now - noted["last"] < FAULT_SECONDS <= now - noted["since"]:
        return f"no check could be made for {now - noted['since']:.0f} s: {noted['reason']}"
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
