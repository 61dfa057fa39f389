"""How many concurrent checks one process can run, given its limits for files and memory."""

import logging
import resource
from pathlib import Path

log = logging.getLogger(__name__)

# Files reserved for other uses: the database, the broker, name servers, deliveries, logs.
SPARE_FILES = 200
# No more than this many files, even if the system sets no limit.
FILES = 1_048_576
# Bytes that a check needs while it waits for its target. With 4,000 hanging targets, a check took
# 7,500 bytes with plain HTTP and 56,000 with TLS; the kernel's buffers and the data read so
# far come on top.
CHECK_BYTES = 100_000
# Fraction of the memory that checks may use; the program itself, its targets and the data read
# from sites need the rest.
MEMORY_PART = 0.5
# More is useless: 50,000 with timeouts of 10 s are 5,000 checks a second that all hang.
MOST = 50_000
LEAST = 100

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def raise_file_limit() -> int:
    """Raise the limit of open files as far as allowed; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError) as error:
            # macOS has another limit, below the hard one.
            log.warning("the limit for open files stays at %d: %s", soft, error)
            return soft
        return limit
    return min(soft, limit) if soft != resource.RLIM_INFINITY else limit


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
    by_files = max(files - SPARE_FILES, files // 2)
    by_memory = int(memory * MEMORY_PART / CHECK_BYTES)
    most = max(min(by_files, by_memory, MOST), min(LEAST, by_files))
    fitting = most if wanted is None else min(wanted, by_files)
    log.info(
        "at most %d checks at a time: %d open files and %d MiB of memory are available",
        fitting,
        files,
        memory >> 20,
    )
    return fitting
