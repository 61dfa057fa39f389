"""Measures claims of 250 checks while a snapshot is held open, as a dump does while it runs.

Claims and records as fast as one connection can, without probing, and prints how long claims took
in each part of the run. So an hour of 1,500 checks a second, 5.4 million, takes a fraction of
that. `--plain` does the same with the obvious table and query, for comparison:
one wide row per monitor with its primary key, claimed in order of time.

    python -m bench.claims [--monitors 7500] [--checks 1000000] [--plain]
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from testcontainers.core.config import testcontainers_config

from app.checks.claiming import Floor, claim
from app.checks.recording import CompletedCheck, record
from app.database import Database
from app.probing.result import Result, Timings
from tests.engine import engine_answers
from tests.services import migrate, postgres

BATCH = 250
PARTS = 10
GOOD = Result(
    ok=True, latency_ms=12.5, timings=Timings(0.4, 1.2, None, 10.1, 12.5), status_code=200
)

# With an interval of one second they are due again by the time this machine gets to them.
ADD = """
    WITH m AS (
        INSERT INTO monitors (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
        SELECT 'Site ' || n, 'http', '{"url": "http://127.0.0.1/"}', 1, 1, 2
        FROM generate_series(1, $1::int) AS n RETURNING id
    ), s AS (INSERT INTO states (monitor_id) SELECT id FROM m)
    INSERT INTO schedule (monitor_id) SELECT id FROM m
"""

PLAIN = """
    CREATE TABLE plain (
        monitor_id integer PRIMARY KEY, state text DEFAULT 'up', since timestamptz DEFAULT now(),
        failures integer DEFAULT 0, checked_at timestamptz, latency_ms real, error text,
        due_at timestamptz DEFAULT now(), claimable_at timestamptz DEFAULT now(), lease bigint,
        hour timestamptz DEFAULT now(), hour_checks integer DEFAULT 0, hour_up integer DEFAULT 0,
        hour_latencies smallint[] DEFAULT array_fill(0::smallint, ARRAY[65])
    ) WITH (fillfactor = 50);
    CREATE INDEX plain_claimable_at ON plain (claimable_at);
    INSERT INTO plain (monitor_id) SELECT id FROM monitors;
"""
PLAIN_CLAIM = text("""
    WITH due AS MATERIALIZED (
        SELECT monitor_id FROM plain WHERE claimable_at <= now() + interval '2 s'
        ORDER BY claimable_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE plain s SET lease = 1,
        claimable_at = greatest(s.due_at, now()) + make_interval(secs => m.timeout_seconds + 7)
    FROM due JOIN monitors m ON m.id = due.monitor_id
    WHERE s.monitor_id = due.monitor_id
    RETURNING s.monitor_id, m.version, m.kind, m.timeout_seconds, s.due_at
""")
PLAIN_RECORD = text("""
    UPDATE plain s SET checked_at = now(), latency_ms = 12.5, due_at = now() + interval '1 s',
        claimable_at = now() + interval '1 s', lease = NULL, hour_checks = s.hour_checks + 1,
        hour_up = s.hour_up + 1, hour_latencies[15] = s.hour_latencies[15] + 1
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
""")


@dataclass
class Run:
    """The claims of one run: seconds per claim and per record, and the number of checks claimed."""

    seconds: list[float]
    records: list[float]
    checks: int = 0


async def claim_and_record(database: Database, run: Run, floor: Floor) -> None:
    begun = time.perf_counter()
    async with database.transaction() as session:
        claims = await claim(session, BATCH, floor)
    passed = time.perf_counter()
    if not claims:
        await asyncio.sleep(0.05)
        return
    run.seconds.append(passed - begun)
    run.checks += len(claims)
    done = [
        CompletedCheck.of(claimed, claimed.due_at + timedelta(seconds=0.01), GOOD)
        for claimed in claims
    ]
    async with database.transaction() as session:
        await record(session, done)
    run.records.append(time.perf_counter() - passed)


async def claim_and_record_plainly(database: Database, run: Run) -> None:
    begun = time.perf_counter()
    async with database.transaction() as session:
        rows = (await session.execute(PLAIN_CLAIM, {"limit": BATCH})).all()
    passed = time.perf_counter()
    if not rows:
        await asyncio.sleep(0.05)
        return
    run.seconds.append(passed - begun)
    run.checks += len(rows)
    async with database.transaction() as session:
        await session.execute(PLAIN_RECORD, {"ids": [row.monitor_id for row in rows]})
    run.records.append(time.perf_counter() - passed)


async def size(session: AsyncSession) -> None:
    stored = await session.scalar(text("SELECT count(*) FROM checks"))
    used = await session.scalar(
        text("""
            SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
            WHERE inhparent = 'checks'::regclass
        """)
    )
    if stored:
        print(
            f"{stored} stored checks, {float(used or 0) / stored:.0f} bytes a check, with indexes"
        )


async def measure(url: str, *, monitors: int, checks: int, plain: bool) -> None:
    dump = await asyncpg.connect(url)
    await dump.execute(ADD.replace("$1", str(monitors)))
    if plain:
        await dump.execute(PLAIN)
    await dump.execute("VACUUM ANALYZE")
    await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await dump.execute("SELECT count(*) FROM monitors")
    database = Database(url.replace("postgresql://", "postgresql+asyncpg://"))
    floor = Floor()
    print(f"{'checks':>10}{'claim p50':>12}{'p99':>9}{'max':>9}{'record p50':>13}  (ms, of 250)")
    total = 0
    begun = time.perf_counter()
    for _ in range(PARTS):
        run = Run([], [])
        while run.checks < checks / PARTS:
            if plain:
                await claim_and_record_plainly(database, run)
            else:
                await claim_and_record(database, run, floor)
        total += run.checks
        steps = quantiles([1000 * passed for passed in run.seconds], n=100)
        records = quantiles([1000 * passed for passed in run.records], n=100)
        print(
            f"{total:10}{steps[49]:12.1f}{steps[98]:9.1f}{1000 * max(run.seconds):9.1f}"
            f"{records[49]:13.1f}",
            flush=True,
        )
    passed = time.perf_counter() - begun
    print(f"{total / passed:.0f} checks a second, {total / monitors:.0f} per monitor")
    await dump.close()
    async with database.transaction() as session:
        await size(session)
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Claims while a snapshot is held open.")
    parser.add_argument("--monitors", type=int, default=7500)
    parser.add_argument("--checks", type=int, default=1_000_000)
    parser.add_argument("--plain", action="store_true", help="the table and query to compare with")
    options = parser.parse_args()
    # This program stops what it starts, so it needs no reaper, and not its image either.
    testcontainers_config.ryuk_disabled = True
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres(Path(folder), containers=engine_answers()) as url,
    ):
        migrate(url)
        asyncio.run(
            measure(url, monitors=options.monitors, checks=options.checks, plain=options.plain)
        )


if __name__ == "__main__":
    main()
