"""Health checks that see a stall, and not just a process.

Worker and beat touch a file each time they have done their work: the worker when it has claimed
checks after being woken, beat when it has sent a wake-up. Exit code 0 if that was a moment ago.

    python -m worker.health beat|worker
"""

import sys
import tempfile
import time
from pathlib import Path

# Seconds. Beat sends every second, and with N workers each gets one wake-up in N: with ten of
# them it is once in 500 that one is idle for a minute.
STALL_SECONDS = {"beat": 15, "worker": 60}


def _file(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"stagewatch-{name}-alive"


def alive(name: str) -> None:
    """Note that `name` has just done its work."""
    _file(name).touch()


def main(arguments: list[str]) -> int:
    """The exit code: 0 well, 1 stalled, 2 asked wrongly."""
    if len(arguments) != 1 or arguments[0] not in STALL_SECONDS:
        print("usage: python -m worker.health beat|worker", file=sys.stderr)
        return 2
    [name] = arguments
    try:
        idle = time.time() - _file(name).stat().st_mtime
    except FileNotFoundError:
        print(f"{name} has not begun to work")
        return 1
    if idle > STALL_SECONDS[name]:
        print(f"{name} has done nothing for {idle:.0f} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
