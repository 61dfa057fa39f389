"""A database whose clock the test sets, and expected figures that are computed without sums.

PostgreSQL looks functions up by the search path: in front of its own, `now` is ours.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.observed import PATIENCE_SECONDS
from tests.services import create_database, query

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

_CLOCK = (
    "CREATE SCHEMA simulated",
    "CREATE TABLE simulated.clock (at timestamptz NOT NULL)",
    *(
        f"""
        CREATE FUNCTION simulated.{name}() RETURNS timestamptz STABLE LANGUAGE sql
        AS 'SELECT at FROM simulated.clock'
        """
        for name in ("now", "clock_timestamp")
    ),
)


def simulated_database(server: str, name: str, *, begin: datetime, time_zone: str) -> str:
    """Return a migrated database in which it is `begin`, of a server in some time zone."""
    url = create_database(server, name, template="migrated")
    for statement in (
        *_CLOCK,
        f"INSERT INTO simulated.clock VALUES ('{begin.isoformat()}')",
        f'ALTER DATABASE "{name}" SET search_path = simulated, public, pg_catalog',
        f"""ALTER DATABASE "{name}" SET timezone = '{time_zone}'""",
    ):
        query(url, statement)
    return url


async def set_clock(session: AsyncSession, moment: datetime) -> None:
    await session.execute(text("UPDATE simulated.clock SET at = :at"), {"at": moment})


class Seen(NamedTuple):
    """A check: when it ended, and its latency; None if it failed."""

    at: datetime
    latency_ms: float | None


class Outage(NamedTuple):
    opened_at: datetime
    closed_at: datetime | None


class Span(NamedTuple):
    """A time in which the monitor was known to be up, or down."""

    begin: datetime
    end: datetime
    up: bool


@dataclass
class Monitor:
    """A monitor, all that was ever seen of it, and when it was paused and resumed."""

    id: int
    interval_seconds: float
    timeout_seconds: float
    confirmations: int
    seen: list[Seen] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    state: str = "pending"
    failures: int = 0
    paused_until: datetime | None = None

    def check(self, seen: Seen) -> None:
        """Take a result into account, one check after the other, as a person would on paper."""
        self._know_until(seen.at)
        self.seen.append(seen)
        if seen.latency_ms is None:
            self.failures += 1
            if self.state != "down" and self.failures >= self.confirmations:
                self.state = "down"
                self.outages.append(Outage(seen.at, None))
            return
        if self.state == "down":
            self.outages[-1] = self.outages[-1]._replace(closed_at=seen.at)
        self.state, self.failures = "up", 0

    def pause(self, at: datetime, until: datetime) -> None:
        """Count no time after this; the next check is as if it were the first one."""
        self._know_until(at)
        if self.state == "down":
            self.outages[-1] = self.outages[-1]._replace(closed_at=at)
        self.state, self.failures, self.paused_until = "pending", 0, until

    def _know_until(self, at: datetime) -> None:
        if self.state in ("up", "down"):
            patience = self.interval_seconds + self.timeout_seconds + PATIENCE_SECONDS
            begin = self.seen[-1].at
            end = min(at, begin + timedelta(seconds=patience))
            self.spans.append(Span(begin, end, self.state == "up"))

    def share(self, begin: datetime, end: datetime) -> float | None:
        """Return the share of the known time between two moments in which it was up."""
        total = {True: timedelta(), False: timedelta()}
        # Spans follow each other: those that end before are all in front.
        first = bisect_left(self.spans, begin, key=lambda span: span.end)
        for span in self.spans[first:]:
            if span.begin >= end:
                break
            total[span.up] += max(min(span.end, end) - max(span.begin, begin), timedelta())
        known = total[True] + total[False]
        return total[True] / known if known else None

    def since(self, begin: datetime) -> Sequence[Seen]:
        return self.seen[bisect_left(self.seen, begin, key=lambda seen: seen.at) :]


def exact(seen: Sequence[Seen], share: float) -> float | None:
    """Return the latency that a share of the successful checks do not exceed."""
    latencies = sorted(check.latency_ms for check in seen if check.latency_ms is not None)
    if not latencies:
        return None
    return latencies[max(math.ceil(share * len(latencies)), 1) - 1]


def moments_of_ten_years(
    source: random.Random, begin: datetime, looks: Sequence[datetime]
) -> list[datetime]:
    """Return the times of checks: every few days, and often in the weeks before a look."""
    end = begin + timedelta(days=3653)
    moments = []
    moment = begin
    while moment < end:
        ahead = min((look - moment for look in looks if look >= moment), default=timedelta.max)
        if ahead < 2 * DAY:
            step = source.uniform(600, 8 * 3600)
        elif ahead < 10 * DAY:
            step = source.uniform(2 * 3600, 36 * 3600)
        elif ahead < 95 * DAY:
            step = source.uniform(18 * 3600, 90 * 3600)
        else:
            step = source.uniform(1, 20) * 86400
        # A gap without any worker.
        if source.random() < 0.01:
            step += source.uniform(1, 6) * 86400
        moment += timedelta(seconds=step)
        moments.append(moment.astimezone(UTC))
    return [moment for moment, following in pairwise(moments) if following > moment]
