"""Database connections and free disk space, read when the metrics are requested."""

import shutil
from typing import TYPE_CHECKING
from weakref import WeakSet

from app.metrics.definitions import CONNECTIONS, CONNECTIONS_MAX, DISK_FREE, DISK_SIZE

if TYPE_CHECKING:
    # Beat has metrics but no database: it would load SQLAlchemy only for a type name.
    from app.database import Database

_watched: "WeakSet[Database]" = WeakSet()


def watch(database: "Database") -> None:
    """Count the connections of `database` from now on, until it is garbage-collected."""
    _watched.add(database)


def observe() -> None:
    """Bring the gauges up to date."""
    in_use = idle = limit = 0
    for database in list(_watched):
        used, unused = database.connections()
        in_use += used
        idle += unused
        limit += database.pool_size
    CONNECTIONS.labels("in_use").set(in_use)
    CONNECTIONS.labels("idle").set(idle)
    CONNECTIONS_MAX.set(limit)
    disk = shutil.disk_usage("/")
    DISK_FREE.set(disk.free)
    DISK_SIZE.set(disk.total)
