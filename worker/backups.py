"""What beat tells of the backups, as their folder shows them.

Not what the program that makes them says: that may be gone, or its folder another one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

# As backup/backup.sh names a dump once it has been restored and compared.
GOOD = re.compile(r"stagewatch-\d{8}T\d{6}Z\.dump")


class Backups(Collector):
    """The good dumps in a folder, looked at when Prometheus asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing where the folder can't be read: `absent` is an alert."""
        try:
            found = [path.stat() for path in self._folder.iterdir() if GOOD.fullmatch(path.name)]
        except OSError:
            # No figure, where an old one would look like a good one.
            return
        newest = max(found, key=lambda stat: stat.st_mtime, default=None)
        yield GaugeMetricFamily(
            "stagewatch_backup_timestamp_seconds",
            "The moment of the newest backup that has been verified; 0: there is none.",
            value=newest.st_mtime if newest else 0,
        )
        yield GaugeMetricFamily(
            "stagewatch_backup_size_bytes",
            "Size of the newest backup that has been verified.",
            value=newest.st_size if newest else 0,
        )
        yield GaugeMetricFamily(
            "stagewatch_backups", "Backups that are there and have been verified.", value=len(found)
        )


def watch(folder: Path | None) -> None:
    """Have the metrics of this process tell of the backups in `folder`."""
    if folder is not None:
        REGISTRY.register(Backups(folder))
