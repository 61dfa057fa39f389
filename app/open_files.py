"""How many files this process may open, and how many of them connections may take."""

import logging
import resource

log = logging.getLogger(__name__)

# Files reserved for other uses: databases, name servers, deliveries, logs.
SPARE_FILES = 200
# No more than this many files, even if the system sets no limit.
FILES = 1_048_576


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


def files_for(files: int) -> int:
    """Return how many of `files` connections may take; the rest of the program needs some too."""
    return max(files - SPARE_FILES, files // 2)


def connections(wanted: int) -> int:
    """Return how many client connections to keep open: `wanted`, or as many as there are files for.

    Without a free file, a server can't accept a connection, not even that of a health check.
    """
    return min(wanted, files_for(raise_file_limit()))
