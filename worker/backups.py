"""Beat's metrics about the backups, read from their folder.

They do not rely on the backup program, which may have stopped or may write to another folder.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

# The name that backup/backup.sh gives a dump once it has been restored and compared.
GOOD = re.compile(r"stagewatch-\d{8}T\d{6}Z\.dump")


class Backups(Collector):
    """The good dumps in a folder, read whenever Prometheus scrapes the metrics."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics, or nothing if the folder can't be read: `absent` raises an alert."""
        try:
            found = [path.stat() for path in self._folder.iterdir() if GOOD.fullmatch(path.name)]
        except OSError:
            # No value, because an old one would look like a good one.
            return
        # Ignore dumps from the future, as backup/backup.sh does: they were made while the clock was
        # ahead, and would look recent until that date, even if no more backups are made.
        now = time.time()
        past = [stat for stat in found if stat.st_mtime <= now]
        newest = max(past, key=lambda stat: stat.st_mtime, default=None)
        yield GaugeMetricFamily(
            "stagewatch_backup_timestamp_seconds",
            "Time of the newest verified backup that is not in the future; 0 if there is none.",
            value=newest.st_mtime if newest else 0,
        )
        yield GaugeMetricFamily(
            "stagewatch_backup_size_bytes",
            "Size of the newest verified backup.",
            value=newest.st_size if newest else 0,
        )
        yield GaugeMetricFamily(
            "stagewatch_backups", "Number of verified backups.", value=len(found)
        )


def watch(folder: Path | None) -> None:
    """Add the backups in `folder` to the metrics of this process."""
    if folder is not None:
        REGISTRY.register(Backups(folder))
