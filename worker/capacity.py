"""How many checks one process can have under way, by the files and the memory that it may use."""

import logging
import resource
from pathlib import Path

log = logging.getLogger(__name__)

# Files that are not for checks: the database, the broker, name servers, deliveries, logs.
SPARE_FILES = 200
# No more than this many files, even if the system sets no limit.
FILES = 1_048_576
# Bytes that a check needs while it waits for its target. With 4,000 targets that hang, a check
# took 7,500 with plain HTTP and 56,000 with TLS; the kernel's buffers and what has been
# read of an answer come on top.
CHECK_BYTES = 100_000
# Part of the memory that checks may fill; the program itself, its targets and what it reads from
# the sites need the rest.
MEMORY_PART = 0.5
# More brings nothing: 50,000 with time-outs of 10 s are 5,000 checks a second that all hang.
MOST = 50_000
LEAST = 100

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def raise_file_limit() -> int:
    """Let this process open as many files as it may; return how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError) as error:
            # macOS has another limit, below the hard one.
            log.warning("the limit of open files stays at %d: %s", soft, error)
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
    """Return how many checks to have at a time; `wanted` is the operator's limit, if any.

    The number must hold the rate of checks times their timeout, because that is how many wait
    when a network fails: so it is as large as files and memory allow.
    """
    files = raise_file_limit()
    memory = memory_limit()
    by_files = max(files - SPARE_FILES, files // 2)
    by_memory = int(memory * MEMORY_PART / CHECK_BYTES)
    most = max(min(by_files, by_memory, MOST), min(LEAST, by_files))
    fitting = most if wanted is None else min(wanted, by_files)
    log.info(
        "at most %d checks at a time: %d files may be open, %d MiB of memory are there",
        fitting,
        files,
        memory >> 20,
    )
    return fitting
