"""Measures requests of the public pages: how long they take, and block the event loop.

The application runs in this process, without a network, beside a task that wakes every millisecond.
The task's delay is how long every other client had to wait; the thread's CPU time in between
separates the application's part of that from other load on this machine.

    python -m bench.pages [--monitors 1000] [--rounds 10]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from testcontainers.core.config import testcontainers_config

from app.main import create_app
from app.settings import Settings
from tests.engine import engine_answers
from tests.services import migrate, postgres

# Every hundredth monitor is down, and has an incident.
FILL = """
    INSERT INTO monitors (name, kind, spec, interval_seconds, timeout_seconds, confirmations)
    SELECT 'Site ' || n, 'http', '{"url": "http://127.0.0.1/"}', 60, 10, 2
    FROM generate_series(1, $monitors) AS n;
    INSERT INTO states (monitor_id, state, checked_at, latency_ms)
    SELECT id, CASE WHEN id % 100 = 0 THEN 'down' ELSE 'up' END, now(), 1000 * random()
    FROM monitors;
    INSERT INTO incidents (monitor_id, opened_at, cause)
    SELECT id, now(), 'status 503 (accepted: 200-299)' FROM monitors WHERE id % 100 = 0;
    INSERT INTO hourly_stats
    SELECT id, date_trunc('hour', now(), 'UTC') - make_interval(hours => h), 60, 0,
        3600000 - (id * h) % 7, (id * h) % 7, array_fill(1::smallint, ARRAY[65])
    FROM generate_series(1, 24 * 7) AS h, monitors WHERE h <= 24 OR id <= 1000;
    INSERT INTO daily_stats
    SELECT id, date_trunc('day', now(), 'UTC') - make_interval(days => d), 1440, 0,
        86400000 - (id * d) % 7, (id * d) % 7, array_fill(20::smallint, ARRAY[65])
    FROM generate_series(1, 90) AS d, monitors WHERE id <= 1000;
    VACUUM ANALYZE
"""

HUNDRED = ",".join(str(number) for number in range(1, 101))
PAGES = {
    "all monitors, made": "/api/status",
    "all monitors, cached": "/api/status",
    "90 days of a monitor": "/api/status/history?ids=7",
    "90 days of 100": f"/api/status/history?ids={HUNDRED}",
    "latencies of 90 days": "/api/monitors/7/latency?range=90d",
    "uptime": "/api/monitors/7/uptime",
    "badge": "/api/badge/7.svg?show=uptime&range=90d",
    "feed": "/feed.atom",
}


@dataclass
class Answer:
    """What the application sent."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    size: int = 0


async def ask(app: Any, target: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
    """Send the application one request as a server would."""
    path, _, query = target.partition("?")
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = dict(message["headers"])
        else:
            answer.size += len(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept-encoding", b"gzip"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    await app(scope, receive, send)
    return answer


@dataclass
class Longest:
    """The longest delay of the loop and CPU time of its thread without a pause, in seconds."""

    late: float = 0.0
    computed: float = 0.0


@asynccontextmanager
async def sampled(longest: Longest) -> AsyncIterator[None]:
    """Record in `longest` how long the loop is blocked meanwhile."""

    async def sample() -> None:
        while True:
            begun, before = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            longest.late = max(longest.late, time.perf_counter() - begun - 0.001)
            longest.computed = max(longest.computed, time.thread_time() - before)

    sampling = asyncio.ensure_future(sample())
    await asyncio.sleep(0)
    try:
        yield
        # Give the sampler time to record a delay at the very end.
        await asyncio.sleep(0.002)
    finally:
        sampling.cancel()


async def measure(url: str, *, monitors: int, rounds: int) -> None:
    connection = await asyncpg.connect(url)
    for statement in FILL.replace("$monitors", str(monitors)).split(";"):
        await connection.execute(statement)
    await connection.close()
    settings = Settings(database_url=url, rate_limit_per_minute=1_000_000)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await ask(app, "/api/monitors?limit=1")
        heads = f"{'ms, median':>14}{'max':>8}{'late':>8}{'computed':>10}{'kB':>8}"
        print(f"{f'{monitors} monitors':22}{heads}")
        for name, target in PAGES.items():
            times: list[float] = []
            answer, longest = Answer(), Longest()
            for number in range(rounds + 1):
                if name == "all monitors, made":
                    await app.state.summary.forget()
                if number == 1:  # The first one also prepares the statements.
                    times, longest = [], Longest()
                async with sampled(longest):
                    begun = time.perf_counter()
                    answer = await ask(app, target)
                    times.append(time.perf_counter() - begun)
            figures = (1000 * sorted(times)[rounds // 2], 1000 * max(times), 1000 * longest.late)
            print(
                f"{name:22}{figures[0]:14.1f}{figures[1]:8.1f}{figures[2]:8.1f}"
                f"{1000 * longest.computed:10.1f}{answer.size / 1000:8.0f}"
                + ("" if answer.status == 200 else f"  status {answer.status}"),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="What the public pages ask for.")
    parser.add_argument("--monitors", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    # This program stops what it starts, so it needs no reaper, and not its image either.
    testcontainers_config.ryuk_disabled = True
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres(Path(folder), containers=engine_answers()) as url,
    ):
        migrate(url)
        # The same loop as the server's.
        uvloop.run(measure(url, monitors=options.monitors, rounds=options.rounds))


if __name__ == "__main__":
    main()
