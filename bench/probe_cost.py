"""Measures what one plain HTTP check costs the checker, in CPU milliseconds.

The target runs in another process, so that only the client is counted. Five runs; the median
is the figure.

    python bench/probe_cost.py [--checks 20000] [--concurrency 200]
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.probing.prober import Prober
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url

_BODY = b"x" * 600
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: bench\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
) % (len(_BODY), _BODY)


class _Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answer, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def _run(port: int, checks: int, concurrency: int) -> float:
    """Return CPU milliseconds per check."""
    prober = Prober(["127.0.0.0/8"])
    target = HttpTarget(parse_url(f"http://127.0.0.1:{port}/health"))
    left = checks
    failed = 0

    async def work() -> None:
        nonlocal left, failed
        while left > 0:
            left -= 1
            result = await prober.probe(target, 10)
            failed += not result.ok

    started = time.process_time()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    spent = time.process_time() - started
    await prober.close()
    if failed:
        raise SystemExit(f"{failed} of {checks} checks failed")
    return spent * 1000 / checks


def main() -> None:
    """Print the cost of every run and their median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=200)
    arguments = parser.parse_args()
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs,), daemon=True
    )
    server.start()
    port = mine.recv()
    costs = []
    for _ in range(5):
        costs.append(uvloop.run(_run(port, arguments.checks, arguments.concurrency)))
        print(f"{costs[-1]:.3f} ms CPU per check")
    print(f"median {statistics.median(costs):.3f} ms CPU per check")
    server.terminate()


if __name__ == "__main__":
    main()
