"""How many concurrent checks one process can run, given its limits for files and memory."""

import logging
from pathlib import Path

from app.open_files import files_for, raise_file_limit

log = logging.getLogger(__name__)

# Bytes that a check needs while it waits for its target. With 4,000 hanging targets, a check took
# 7,500 bytes with plain HTTP and 56,000 with TLS; the kernel's buffers and the data read so
# far come on top.
CHECK_BYTES = 100_000
# Fraction of the memory that checks may use; the program itself, its targets and the data read
# from sites need the rest.
MEMORY_PART = 0.5
# More is useless: 50,000 with timeouts of 10 s are 5,000 checks a second that all hang.
MAX_CHECKS = 50_000
MIN_CHECKS = 100

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_limit() -> int:
    """Return the bytes of memory that this process can have: the container's or the machine's."""
    limits = []
    for name in _CGROUP_FILES:
        try:
            limits.append(int(Path(name).read_text()))
        except (OSError, ValueError):
            continue  # not there, or "max"
    try:
        found = Path("/proc/meminfo").read_text().split("MemTotal:", 1)[1].split()[0]
        limits.append(int(found) * 1024)
    except (OSError, ValueError, IndexError):
        limits.append(1 << 30)
    return min(limits)


def fit(wanted: int | None) -> int:
    """Return how many checks to run at a time; `wanted` is the operator's limit, if any.

    The number must be at least the rate of checks times their timeout, because that many wait when
    a network fails. So it is as large as files and memory allow.
    """
    files = raise_file_limit()
    memory = memory_limit()
    by_files = files_for(files)
    by_memory = int(memory * MEMORY_PART / CHECK_BYTES)
    limit = max(min(by_files, by_memory, MAX_CHECKS), min(MIN_CHECKS, by_files))
    fitting = limit if wanted is None else min(wanted, by_files)
    log.info(
        "at most %d checks at a time: %d open files and %d MiB of memory are available",
        fitting,
        files,
        memory >> 20,
    )
    return fitting
