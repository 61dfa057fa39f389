"""Measures how many heartbeats one API process handles per second, and what each of them costs.

Runs the server as in the image, PostgreSQL from the wheel, a separate redis-server, and a uvloop
client that keeps its connections. With 20,000 jobs no token comes near its limit. All of them
share this machine's processors: on a busy machine, rely on the milliseconds of CPU.

    python -m bench.heartbeats [--monitors 20000] [--connections 64] [--seconds 15]
"""

import argparse
import asyncio
import itertools
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import cast

import asyncpg
import uvloop

from tests.services import ROOT, migrate, postgres, redis

ADD = """
    WITH m AS (
        INSERT INTO monitors (name, kind, spec, interval_seconds, timeout_seconds, confirmations,
                              token)
        SELECT 'Job ' || n, 'heartbeat', '{"period_seconds": 3600, "grace_seconds": 60}', 3600, 10,
               1, token
        FROM unnest($1::text[]) WITH ORDINALITY AS t (token, n) RETURNING id
    ), s AS (INSERT INTO states (monitor_id) SELECT id FROM m)
    INSERT INTO schedule (monitor_id, due_at, claimable_at)
    SELECT id, now() + interval '1 hour', now() + interval '1 hour' FROM m
"""
# Seconds before the measurement, for opening connections and filling caches.
WARM_SECONDS = 3.0
TICKS = os.sysconf("SC_CLK_TCK")


class Pinging(asyncio.Protocol):
    """One connection, which sends the next ping as soon as the previous one is answered."""

    def __init__(self, tokens: Iterator[str], seen: "Seen") -> None:
        self._tokens = tokens
        self._seen = seen
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ping()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        self._seen.answer(int(head[9:12]), time.perf_counter() - self._begun)
        self._ping()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.lost += 1

    def _ping(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(
            b"GET /ping/%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % next(self._tokens).encode()
        )


class Seen:
    """The answers since the last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.lost = 0

    def answer(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)


@contextmanager
def served(database_url: str, redis_url: str, log: Path) -> Iterator[tuple[int, int]]:
    """Run the server as in the image; yield its process id and port."""
    code = "import app.server as s; s.PORT = 0; s.main()"
    environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            while not (found := re.search(r"Listening on \S+ port (\d+)", log.read_text())):
                if process.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.1)
            yield process.pid, int(found[1])
        finally:
            process.terminate()


def cpu_seconds(process: int) -> float:
    """Return the CPU seconds used by a process, and by the child processes it has waited for."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def family_seconds(process: int) -> float:
    """Return the CPU seconds of a process and its children."""
    total = cpu_seconds(process)
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and parent(int(entry.name)) == process:
                total += cpu_seconds(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            # It has ended in the meantime.
            continue
    return total


async def add_jobs(url: str, number: int) -> tuple[list[str], int]:
    """Add jobs; return their tokens, and the id of PostgreSQL's main process."""
    tokens = [secrets.token_urlsafe(24) for _ in range(number)]
    connection = await asyncpg.connect(url)
    await connection.execute(ADD, tokens)
    await connection.execute("VACUUM ANALYZE")
    main_process = parent(await connection.fetchval("SELECT pg_backend_pid()"))
    await connection.close()
    return tokens, main_process


async def measure(
    url: str, options: argparse.Namespace, process: int, port: int
) -> tuple[Seen, float, float, float]:
    """Return the answers, and seconds: elapsed, of the API's CPU and of PostgreSQL's."""
    tokens, database = await add_jobs(url, options.monitors)
    endless = itertools.cycle(tokens)
    seen = Seen()
    loop = asyncio.get_running_loop()
    for _ in range(options.connections):
        await loop.create_connection(lambda: Pinging(endless, seen), "127.0.0.1", port)
    await asyncio.sleep(WARM_SECONDS)
    seen.reset()
    begun, api, stored = time.perf_counter(), cpu_seconds(process), family_seconds(database)
    await asyncio.sleep(options.seconds)
    passed = time.perf_counter() - begun
    api, stored = cpu_seconds(process) - api, family_seconds(database) - stored
    return seen, passed, api, stored


def main() -> None:
    parser = argparse.ArgumentParser(description="What heartbeats cost.")
    parser.add_argument("--monitors", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        with (
            postgres(folder / "postgres", containers=False) as url,
            redis(folder / "redis", containers=False) as redis_url,
        ):
            migrate(url)
            with served(url, redis_url, folder / "log") as (process, port):
                seen, passed, api, stored = uvloop.run(measure(url, options, process, port))
    answered = sum(seen.statuses.values())
    steps = quantiles([1000 * seconds for seconds in seen.seconds], n=100)
    print(f"{answered} answers in {passed:.0f} s, {answered / passed:.0f} a second: ", end="")
    print(f"{dict(seen.statuses)}, {seen.lost} connections lost")
    print(f"answered after {steps[49]:.0f} ms (median), {steps[98]:.0f} ms (99th percentile)")
    print(f"CPU: API {1000 * api / answered:.3f} ms, ", end="")
    print(f"PostgreSQL {1000 * stored / answered:.3f} ms a ping")


if __name__ == "__main__":
    main()
